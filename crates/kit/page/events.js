// Server-sent events, read with fetch: EventSource can send neither a token nor a body.

/**
 * A parser for a stream in pieces, however they are cut. It returns the events that a piece completes, as
 * `{ event, data }`; comments and events without data are passed over, as the standard has it.
 */
export function createParser() {
  let rest = "";
  return (piece) => {
    const text = rest + piece;
    // A carriage return at the end may be the first half of a line's end.
    const held = text.endsWith("\r") ? "\r" : "";
    const blocks = text.slice(0, text.length - held.length).replace(/\r\n?/g, "\n").split("\n\n");
    rest = blocks.pop() + held;
    return blocks.map(parse).filter(({ data }) => data !== null);
  };
}

function parse(block) {
  const fields = { event: "message", data: null };
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "event") fields.event = value;
    if (name === "data") fields.data = fields.data === null ? value : `${fields.data}\n${value}`;
  }
  return fields;
}

/** The events of the body of an answer, as they arrive. */
export async function* events(stream) {
  const parser = createParser();
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield* parser(value);
  }
}
