"""Processes of a test, and the servers that both sides talk to: MongoDB for FiftyOne, Milvus for both."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("BOOTCAMP_CACHE", ROOT / ".cache"))
FIFTYONE = CACHE / "fiftyone"
MILVUS = CACHE / "test-servers/milvus-2.3.5"


def start_mongo(folder: pathlib.Path, servers: contextlib.ExitStack) -> int:
    [program] = FIFTYONE.glob("lib/python3*/site-packages/fiftyone/db/bin/mongod")
    [port] = free_ports(1)
    (folder / "mongo").mkdir()
    start(servers, folder / "mongo.log", program, "--dbpath", folder / "mongo", "--bind_ip", "127.0.0.1", "--port", port)
    wait_for(port, folder / "mongo.log")
    return port


def start_milvus(folder: pathlib.Path, servers: contextlib.ExitStack) -> int:
    """As testkit starts it, with the pauses of its defaults."""
    port, etcd, etcd_peer, web, *others = free_ports(13)
    for name in ("configs", "data", "logs", "run"):
        (folder / name).mkdir(parents=True)
    said = {
        "proxy_port": port, "etcd_port": etcd, "etcd_data_dir": folder / "data/etcd", "etcd_log_level": "error",
        "local_storage_dir": folder / "data", "rocksmq_data_dir": folder / "data/rocksmq",
        "system_log_path": folder / "logs",
    }

    def fill(found: re.Match) -> str:
        key, _, default = found[1].partition(":")
        key = re.sub(r"\(.*", "", key).strip()
        if key in said:
            return str(said[key])
        return str(others.pop()) if key.endswith("_port") else default.strip()

    config = re.sub(r"\{\{(.*?)\}\}", fill, (MILVUS / "config.yaml.template").read_text())
    config = config.replace("  ip: # if", "  ip: 127.0.0.1 # if")
    config = config.replace("etcd:\n", f"etcd:\n  config:\n    path: {folder}/configs/etcd.yaml\n", 1)
    (folder / "configs/milvus.yaml").write_text(config)
    (folder / "configs/glog.conf").write_text((MILVUS / "glog.conf").read_text())
    client, peer = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{etcd_peer}"
    (folder / "configs/etcd.yaml").write_text(
        f"name: default\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\nlisten-peer-urls: {peer}\n"
        f"initial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
    )
    environment = {
        "PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(MILVUS / "bin"), "DEPLOY_MODE": "STANDALONE",
        "METRICS_PORT": str(web), "MILVUS_RUN_DIR": str(folder / "run"), "MILVUSCONF": str(folder / "configs"),
    }
    server = start(servers, folder / "log", MILVUS / "bin/milvus", "run", "standalone", cwd=folder, env=environment)
    # It leaves this behind wherever its folder is.
    servers.callback(pathlib.Path(f"/tmp/milvus/server_id_{server.pid}").unlink, missing_ok=True)
    wait_for(port, folder / "log")
    return port


def start(servers: contextlib.ExitStack, log: pathlib.Path, *command: object, **options) -> subprocess.Popen:
    """A process that ends with the stack."""
    with open(log, "wb") as out:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=subprocess.STDOUT, **options)
    servers.callback(process.wait)
    servers.callback(process.kill)
    return process


def run(*command: object, environment: dict | None = None) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"interop-fiftyone: failed: {' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def wait_for(port: int, log: pathlib.Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    sys.exit(f"interop-fiftyone: nothing listens on port {port}\n{log.read_text(errors='replace')[-4000:]}")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def say(what: str) -> None:
    print(f"interop-fiftyone: {what}", file=sys.stderr, flush=True)
