//! Reads and writes a model file's outer form: it is a protocol buffer.
//!
//! Field numbers, here and where this is used, are those of ONNX's own schema,
//! <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

/// `ModelProto.graph`
pub(super) const MODEL_GRAPH: u64 = 7;
/// `GraphProto.initializer`
pub(super) const GRAPH_INITIALIZER: u64 = 5;
/// `TensorProto.name`
pub(super) const TENSOR_NAME: u64 = 8;

/// The content of the first field of this number.
pub(super) fn name(message: &[u8], number: u64) -> Result<Option<&[u8]>, String> {
    for field in fields(message) {
        let field = field?;
        if field.number == number {
            return Ok(field.bytes);
        }
    }
    Ok(None)
}

/// One field of a message: its number, its content if that has a length, and all its bytes.
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) raw: &'a [u8],
}

/// The fields of a message in the wire format, <https://protobuf.dev/programming-guides/encoding/>.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Result<Field<'_>, String>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = read_field(rest).ok_or_else(|| "it is damaged, or not an ONNX model".to_owned());
        rest = field.as_ref().map_or(&[], |field| &rest[field.raw.len()..]);
        Some(field)
    })
}

fn read_field(message: &[u8]) -> Option<Field<'_>> {
    let mut rest = message;
    let tag = read_varint(&mut rest)?;
    let mut bytes = None;
    match tag & 7 {
        0 => {
            read_varint(&mut rest)?;
        }
        1 => rest = rest.get(8..)?,
        2 => {
            let len = usize::try_from(read_varint(&mut rest)?).ok()?;
            let (content, after) = rest.split_at_checked(len)?;
            bytes = Some(content);
            rest = after;
        }
        5 => rest = rest.get(4..)?,
        _ => return None,
    }
    Some(Field { number: tag >> 3, bytes, raw: &message[..message.len() - rest.len()] })
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub(super) fn write_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    write_varint(out, number << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
