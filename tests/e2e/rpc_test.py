"""Devices on ggml's RPC servers: shared with main memory, lost in the middle, on two machines."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import interrupt_until_it_ends, resident_bytes, wait_until

CONTEXT = ("--reserve", "8MiB", "--ctx", "512")


def test_the_demo_model_is_shared_to_the_bit(hexcore, demo_model, start_server):
    _, server = start_server()
    report = hexcore.json("verify", demo_model, "--device", "host=320MiB",
                          "--device", f"rpc:{server}=320MiB", *CONTEXT, "--tokens", "16")
    assert report["identical"]


@pytest.mark.parametrize("arch, options", [
    ("gpt-oss", {}),  # biases for each expert
    ("deepseek2", {"shared_experts": 1, "leading_dense": 1, "head_dim": 64}),
    ("deepseek2", {"head_dim": 64, "fused_gate_up": True}),
    ("qwen3moe", {}),
])
def test_other_architectures_are_shared_to_the_bit(hexcore, random_model, start_server, arch,
                                                   options):
    model = random_model(arch, layers=4, embd=256, ff=128, heads=4, experts=8, used=3,
                         type="q8_0", **options)
    _, server = start_server()
    for policy in ("balanced", "alternate"):
        report = hexcore.json("verify", model, "--device", f"rpc:{server}=256MiB",
                              "--device", "host=256MiB", *CONTEXT, "--policy", policy,
                              "--tokens", "40", "--batch", "13")
        assert report["identical"], policy


def test_planned_is_accounted_and_a_server_is_not_measured(hexcore, demo_model, start_server):
    _, server = start_server()
    report = hexcore.json("run", demo_model, "--device", "host=320MiB",
                          "--device", f"rpc:{server}=320MiB", *CONTEXT, "--raw", "-p", "Gravity",
                          "-n", "4", "--temp", "0")
    for device in report["devices"]:
        assert device["planned"] == device["accounted"]
    assert report["devices"][1]["measured_bytes"] is None
    # What weights pass through on their way to the server.
    assert report["host"]["planned"] == report["host"]["accounted"]
    assert report["host"]["planned"]["staging_bytes"] == 64 << 20
    assert [device["accounted_bytes"] for device in report["after_unload"]] == [0, 0]


def test_a_server_without_a_size_gives_what_it_has(hexcore, demo_model, start_server):
    _, server = start_server()
    plan = hexcore.json("plan", demo_model, "--device", f"rpc:{server}")
    assert plan["devices"][0]["budget_bytes"] > 512 << 20
    assert plan["devices"][0]["reserve_bytes"] > 0


def test_an_estimate_knows_of_the_staging_too(hexcore):
    plan = hexcore.json("plan", "--shape", "mixtral-8x7b", "--quant", "q4_K",
                        "--device", "rpc:127.0.0.1:1=32GiB")
    assert plan["host"]["planned"]["staging_bytes"] == 64 << 20
    assert any("only while the model loads" in line for line in plan["explanation"])


def test_no_server_is_a_missing_device(hexcore, demo_model):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        code, out, err = hexcore("run", demo_model, "--device",
                                 f"rpc:127.0.0.1:{nobody.getsockname()[1]}=1GiB", "-p", "x")
    assert (code, out) == (5, "")
    assert "no RPC server answers there" in err


def start_long_run(hexcore, model, server, *more, env=None):
    """The program, generating over the server until the context is full; it then ends itself."""
    return hexcore.start("run", model, "--device", "host=320MiB",
                         "--device", f"rpc:{server}=320MiB", "--reserve", "8MiB", "--ctx", "2048",
                         "--temp", "0", *more, env=env, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


PROMPT = ("--raw", "-p", "Once upon a time", "-n", "1900")


def connected(run, server, endpoint):
    """The program is connected to the server."""
    del server
    port = f":{int(endpoint.rpartition(':')[2]):04X}"
    rows = [line.split() for line in open(f"/proc/{run.pid}/net/tcp", encoding="ascii")]
    return any(row[2].endswith(port) and row[3] == "01" for row in rows)


def holding(megabytes):
    """The server holds so much, of the about 200 MiB that it is sent."""
    return lambda run, server, endpoint: resident_bytes(server.pid) >= megabytes << 20


def generated(run, server, endpoint):
    del server, endpoint
    return bool(select.select([run.stdout], [], [], 0)[0])


moments = pytest.mark.parametrize("moment", [connected, holding(40), holding(120), generated],
                                  ids=["connected", "40 MiB", "120 MiB", "generated"])


@moments
def test_a_server_that_is_killed_ends_the_program_in_seconds(hexcore, demo_model, start_server,
                                                            moment):
    server, endpoint = start_server()
    run = start_long_run(hexcore, demo_model, endpoint, *PROMPT)
    wait_until(lambda: moment(run, server, endpoint), run)
    server.send_signal(signal.SIGKILL)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 5, err
    assert "RPC server" in err


@moments
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_a_program_whose_server_is_frozen(hexcore, demo_model, start_server,
                                                           number, moment):
    server, endpoint = start_server()
    run = start_long_run(hexcore, demo_model, endpoint, *PROMPT)
    wait_until(lambda: moment(run, server, endpoint), run)
    server.send_signal(signal.SIGSTOP)
    run.send_signal(number)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 130, err


def test_two_signals_at_once_are_one(hexcore, demo_model, start_server):
    """The program still ends in order, and says why it ends."""
    server, endpoint = start_server()
    run = start_long_run(hexcore, demo_model, endpoint, *PROMPT)
    wait_until(lambda: generated(run, server, endpoint), run)
    for process in (server, run):
        process.send_signal(signal.SIGSTOP)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
        run.send_signal(number)  # the first two are there when it goes on
    _, err = run.communicate(timeout=240)
    assert run.returncode == 130
    assert err != ""


def test_a_second_ctrl_c_ends_a_chat_whose_server_is_frozen(hexcore, demo_model, start_server):
    server, endpoint = start_server()
    run = start_long_run(hexcore, demo_model, endpoint)
    run.stdin.write("Tell me a long story.\n")
    run.stdin.flush()
    assert run.stdout.read(1)
    server.send_signal(signal.SIGSTOP)
    # A load that took long has said so before.
    assert any("waiting for the RPC server" in line for line in run.stderr)
    run.send_signal(signal.SIGINT)  # of the answer
    time.sleep(0.3)  # two that come at once count as one
    assert run.poll() is None
    interrupt_until_it_ends(run)
    assert run.returncode == 130


def test_a_frozen_server_is_told_of_and_lost_in_the_end(hexcore, demo_model, start_server):
    server, endpoint = start_server()
    # It also holds while the model loads, when a busy machine is slow.
    run = start_long_run(hexcore, demo_model, endpoint, *PROMPT,
                         env={"HEXCORE_RPC_TIMEOUT": "10"})
    assert run.stdout.read(1)
    server.send_signal(signal.SIGSTOP)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 5, err
    assert f"waiting for the RPC server {endpoint}" in err
    assert "counts as lost" in err


@pytest.fixture
def listening():
    """A socket that somebody may connect to, who then hears nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


def run_on(hexcore, model, listening):
    return hexcore.start("run", model, "--device", f"rpc:127.0.0.1:{listening.getsockname()[1]}",
                         "-p", "x", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_silent_server_is_a_missing_device(hexcore, demo_model, listening):
    run = run_on(hexcore, demo_model, listening)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 5
    assert "has not answered for 5 s" in err and "busy" in err


def test_waiting_for_a_silent_server_can_be_interrupted(hexcore, demo_model, listening):
    run = run_on(hexcore, demo_model, listening)
    with listening.accept()[0] as connection:
        connection.settimeout(60)
        assert connection.recv(1)  # so it asked, and waits
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=240)
    assert run.returncode == 130, err
    assert "has not answered" not in err


def waiting_connections(listening):
    """How many a listener has not accepted yet (the kernel gives this as `tcpi_unacked`)."""
    info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(info[24:28], sys.byteorder)


def receive(connection, size):
    """All of it: with a timeout, MSG_WAITALL doesn't wait for all."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, data
        data += more
    return data


def is_connecting(port):
    rows = [line.split() for line in open("/proc/net/tcp", encoding="ascii")]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


def test_an_interrupt_ends_a_program_that_a_server_does_not_let_in(hexcore, demo_model,
                                                                  start_server):
    """A server that stops accepting after it was asked for its version: ggml's client connects."""
    _, endpoint = start_server()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        listening.settimeout(60)
        name, port = listening.getsockname()
        run = run_on(hexcore, demo_model, listening)
        with listening.accept()[0] as asking, socket.create_connection(
                (name, port), timeout=60):
            asking.settimeout(60)
            wait_until(lambda: waiting_connections(listening) == 1, run)  # no more are let in
            with socket.create_connection(endpoint.split(":"), timeout=60) as server:
                server.sendall(receive(asking, 33))
                asking.sendall(receive(server, 36))
            wait_until(lambda: is_connecting(port), run)
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=240)
    assert run.returncode == 130, err
    assert f"interrupted while the RPC server {name}:{port}" in err


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n",
                                    b"", b"\x1c" + bytes(7) + b"\x01" + bytes(27)])
def test_what_is_no_rpc_server_of_this_version_is_a_missing_device(hexcore, demo_model, listening,
                                                                  answer):
    run = run_on(hexcore, demo_model, listening)
    with listening.accept()[0] as connection:
        connection.settimeout(60)
        connection.recv(1024)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        _, err = run.communicate(timeout=240)
    assert run.returncode == 5
    assert "protocol" in err


@pytest.fixture
def two_machines():
    """Two network namespaces, each with an address that this one reaches."""
    if shutil.which("ip") is None:
        pytest.skip("two machines: the program ip (iproute2) is not here")
    made = []
    try:
        for i in (1, 2):
            name, link = f"hexcore{os.getpid()}m{i}", f"hx{os.getpid() % 100000}v{i}"
            for words in (f"netns add {name}",
                          f"link add {link} type veth peer name eth0 netns {name}",
                          f"addr add 10.213.{i}.1/24 dev {link}", f"link set {link} up",
                          f"-n {name} addr add 10.213.{i}.2/24 dev eth0",
                          f"-n {name} link set eth0 up"):
                result = subprocess.run(["ip", *words.split()], capture_output=True, text=True,
                                        check=False)
                if result.returncode != 0:
                    pytest.skip(f"two machines: no right to make network namespaces: ip {words}: "
                                f"{result.stderr.strip()}")
                if "netns add" in words:
                    made.append(name)
        yield [(name, f"10.213.{i + 1}.2") for i, name in enumerate(made)]
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def test_two_machines_share_a_model(hexcore, demo_model, start_server, two_machines):
    devices = []
    for name, address in two_machines:
        _, server = start_server(address, within=("ip", "netns", "exec", name))
        devices += ["--device", f"rpc:{server}=320MiB"]
    text = [hexcore.json("run", demo_model, *choice, *CONTEXT, "--raw", "-p", "Gravity is",
                         "-n", "8", "--temp", "0")["text"]
            for choice in (devices, ["--device", "host=640MiB"])]
    assert text[0] == text[1]
