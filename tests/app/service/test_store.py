"""Both stores keep what they promise; a Redis that is killed, empty or silent loses no event of a run."""

import subprocess
import sys
import threading
import time
from itertools import combinations

import pytest

from lib.app.service import store as module
from lib.app.service.store import Memory, Redis, StoreError, open_store

WAIT_S = 60


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.slow)])
def opened(request):
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else ""
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def redis_store(redis_server):
    """A function that opens another client, as another process of the service is."""
    stores = []

    def make():
        stores.append(open_store(redis_server.url))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def eventually(ask, wanted):
    """What ``ask`` gives once it is what is wanted, or at the end of the time."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            if ask() == wanted:
                break
        except StoreError:
            pass
        time.sleep(0.05)
    assert ask() == wanted


def test_a_value_is_cached_until_it_expires(opened):
    assert opened.get("prices") is None
    opened.put("prices", b"\x00\xff", 60)
    opened.put("short", b"1", 0.2)
    assert (opened.get("prices"), opened.get("short")) == (b"\x00\xff", b"1")
    opened.put("prices", b"", 60)
    time.sleep(0.25)
    assert (opened.get("prices"), opened.get("short")) == (b"", None)


def test_events_have_numbers_from_one_and_are_read_from_any(opened):
    assert opened.events("a") == []
    assert [opened.append("a", b"%d" % k) for k in (1, 2, 3)] == [1, 2, 3]
    assert opened.append("b", b"other") == 1
    assert [opened.events("a", since) for since in (-1, 0, 1, 3, 4)] == [[b"1", b"2", b"3"]] * 3 + [[b"3"], []]


def test_states_come_newest_first(opened):
    assert (opened.run("a"), opened.runs()) == (None, [])
    for run in ("a", "b", "c"):
        opened.set_run(run, run.encode())
    opened.set_run("a", b"done")
    opened.append("without a state", b"")
    assert (opened.run("a"), opened.runs()) == (b"done", [b"c", b"b", b"done"])


def test_a_run_is_cancelled_by_its_name(opened):
    opened.set_run("a", b"")
    opened.set_run("b", b"")
    assert not opened.cancel_asked("a")
    opened.ask_cancel("a")
    opened.ask_cancel("never heard of")
    assert opened.cancel_asked("a") and not opened.cancel_asked("b")


def test_threads_share_a_store(opened):
    numbers = []

    def work(k):
        for i in range(25):
            opened.put(f"{k}{i}", b"x", 60)
            numbers.append(opened.append("run", b"%d" % k))
            opened.set_run("run", b"state")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(numbers) == list(range(1, 101)) and len(opened.events("run")) == 100
    if isinstance(opened, Redis):
        assert opened._redis.xlen(module._key("run", "events")) == 100


def test_memory_is_bounded():
    store = Memory(cache_bytes=10, most_runs=2)
    for key in ("a", "b"):
        store.put(key, b"1234", 60)
    store.get("a")
    store.put("c", b"1234", 60)
    assert [store.get(key) for key in ("a", "b", "c")] == [b"1234", None, b"1234"]
    store.put("d", b"more than ten bytes", 60)
    assert [store.get(key) for key in ("a", "c", "d")] == [None, None, None] and store._bytes == 0
    for run in ("a", "b", "a", "c"):
        store.append(run, run.encode())
    assert [store.events(run) for run in ("a", "b", "c")] == [[b"a", b"a"], [], [b"c"]]


def test_of_a_long_run_the_last_events_are_there():
    store = Memory()
    for k in range(1, module.EVENTS + 4):
        assert store.append("a", b"%d" % k) == k
    assert store.events("a")[0] == b"4" and len(store.events("a")) == module.EVENTS
    assert store.events("a", module.EVENTS + 2) == [b"%d" % (module.EVENTS + k) for k in (2, 3)]


@pytest.mark.parametrize("url", ["http://a-secret@x", "redis://x:a-secret", "a-secret"])
def test_an_address_that_is_none_is_refused_without_repeating_it(url):
    with pytest.raises(StoreError, match="REDIS_URL is no address") as refused:
        open_store(url)
    assert "a-secret" not in str(refused.value)


def test_a_redis_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StoreError, match=r"Redis at 127\.0\.0\.1:1 \(REDIS_URL\)") as refused:
        open_store("redis://:a-secret@127.0.0.1:1/0")
    assert "a-secret" not in str(refused.value)


@pytest.mark.slow
def test_a_wrong_password_is_said(redis_server):
    with pytest.raises(StoreError, match="password") as refused:
        open_store(f"redis://:a-secret@127.0.0.1:{redis_server.port}/0")
    assert "a-secret" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("killed_after", [k for n in range(4) for k in combinations(range(4), n)])
def test_a_redis_killed_between_any_two_events_has_all_of_them_in_the_end(redis_server, redis_store, killed_after):
    """Killed and at once started again, empty, after the events of these places; nobody waits in between."""
    owner = redis_store()
    for k in range(4):
        owner.set_run("run", b"state %d" % k)
        assert owner.append("run", b"event %d" % k) == k + 1
        if k in killed_after:
            redis_server.kill()
            redis_server.start()
    other = redis_store()
    eventually(lambda: (other.events("run"), other.runs()), ([b"event %d" % k for k in range(4)], [b"state 3"]))
    assert other.events("run", 3) == [b"event 2", b"event 3"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_run_goes_on_and_ends_while_redis_is_gone(redis_server, redis_store, fault):
    owner, other = redis_store(), redis_store()
    owner.append("run", b"before")
    owner.set_run("run", b"running")
    owner.set_run("finished long ago", b"done")
    getattr(redis_server, fault)()
    began = time.monotonic()
    assert [owner.append("run", event) for event in (b"during", b"last")] == [2, 3]
    owner.set_run("run", b"done")
    assert not owner.cancel_asked("run")
    assert owner.events("run", 2) == [b"during", b"last"] and owner.run("run") == b"done"
    assert time.monotonic() - began < 10
    other.put("x", b"1", 60)
    assert other.get("x") is None
    for ask in (lambda: other.run("run"), lambda: other.events("run"), other.runs, lambda: other.ask_cancel("run")):
        began = time.monotonic()
        with pytest.raises(StoreError, match="127.0.0.1"):
            ask()
        assert time.monotonic() - began < 10
    redis_server.start() if fault == "kill" else redis_server.thaw()
    eventually(lambda: other.events("run"), [b"before", b"during", b"last"])
    eventually(lambda: set(other.runs()), {b"done"})
    eventually(lambda: len(other.runs()), 2)


@pytest.mark.slow
def test_a_client_that_is_cut_off_gives_no_number_twice(redis_store):
    """Redis cuts the owner's connections, as often as it can, while it writes."""
    owner, other = redis_store(), redis_store()
    stop = threading.Event()

    def cut():
        while not stop.is_set():
            for client in other._redis.client_list():
                if int(client["id"]) != other._redis.client_id():
                    other._redis.client_kill_filter(_id=client["id"])

    cutter = threading.Thread(target=cut)
    cutter.start()
    numbers = [owner.append("run", b"%d" % k) for k in range(1, 201)]
    stop.set()
    cutter.join()
    assert numbers == list(range(1, 201))
    eventually(lambda: other.events("run"), [b"%d" % k for k in numbers])


@pytest.mark.slow
def test_processes_read_and_cancel_each_others_runs(redis_server, redis_store):
    here = redis_store()
    here.set_run("mine", b"running")
    here.append("mine", b"first")
    there = (
        "import sys; from lib.app.service.store import open_store; s = open_store(sys.argv[1])\n"
        "assert (s.events('mine'), s.run('mine')) == ([b'first'], b'running')\n"
        "s.ask_cancel('mine'); s.append('theirs', b'1'); s.append('theirs', b'2'); s.set_run('theirs', b'done')\n"
        "s.put('answer', b'42', 60); s.close()"
    )
    subprocess.run([sys.executable, "-c", there, redis_server.url], check=True, timeout=60)
    assert here.cancel_asked("mine") and here.get("answer") == b"42"
    assert here.runs() == [b"done", b"running"] and here.events("theirs", 2) == [b"2"]
    with pytest.raises(StoreError, match="another process"):
        here.append("theirs", b"not mine to add")


@pytest.mark.slow
def test_everything_in_redis_expires(redis_store):
    store = redis_store()
    store.put("answer", b"42", 60)
    store.append("run", b"event")
    store.set_run("run", b"state")
    store.ask_cancel("run")
    eventually(lambda: len(store._redis.keys()), 6)  # with the mark of this process
    assert all(0 < store._redis.ttl(key) <= 7 * 24 * 3600 for key in store._redis.scan_iter())
