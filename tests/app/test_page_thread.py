"""The thread that draws a page: news of other threads reach it in their order; where no loop runs, nothing waits."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from lib.app.page_thread import PageThread


def in_a_new_thread(work):
    """Where no loop runs: browser tests leave one behind in the thread of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


def test_calls_of_other_threads_run_on_the_thread_that_made_it_in_order():
    seen = []

    async def kernel():
        page, done = PageThread(), asyncio.Event()

        def note(word):
            seen.append((word, threading.current_thread()))
            if word == "last":
                done.set()

        def other():
            for word in ("first", "second", "last"):
                page.run(note, word)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert not seen  # this thread was not free yet
        page.run(note, "own")
        await asyncio.wait_for(done.wait(), 10)
        return threading.current_thread()

    own = in_a_new_thread(lambda: asyncio.run(kernel()))
    assert seen == [(word, own) for word in ("own", "first", "second", "last")]


def test_without_a_loop_the_caller_runs_it_at_once():
    page, seen = in_a_new_thread(PageThread), []
    thread = threading.Thread(
        target=page.run, args=(lambda word: seen.append((word, threading.current_thread())), "word")
    )
    thread.start()
    thread.join()
    assert seen == [("word", thread)]
