"""The thread that draws a page: news of other threads reach it in their order; where no loop runs, nothing waits."""

import asyncio
import threading

from lib.widget.page_thread import PageThread


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

    asyncio.run(kernel())
    assert seen == [(word, threading.current_thread()) for word in ("own", "first", "second", "last")]


def test_without_a_loop_the_caller_runs_it_at_once():
    page, seen = PageThread(), []
    thread = threading.Thread(target=page.run, args=(lambda word: seen.append((word, threading.current_thread())), "word"))
    thread.start()
    thread.join()
    assert seen == [("word", thread)]
