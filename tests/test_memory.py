"""`reuse_memory`: which blocks are kept, for how long, and where it counts. Addresses and bytes, never times."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from foreign_handler import foreign_handler, name_of_handler

import fastlrelu as fl

MIB = 1 << 20
OURS, DEFAULT = "fastlrelu_reuse", "default_allocator"


def held():
    return fl.config()["memory_held"]


def dirty(nbytes):
    return np.full(nbytes, 7, np.uint8)


def address(array):
    return array.ctypes.data


def in_new_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.fixture(autouse=True)
def nothing_is_kept_before_and_after():
    assert (held(), fl.config()["memory_limit"], name_of_handler()) == (0, 0, DEFAULT)
    yield
    assert (held(), fl.config()["memory_limit"], name_of_handler()) == (0, 0, DEFAULT)


def test_off_by_default():
    del_me = dirty(MIB)
    assert name_of_handler(del_me) == DEFAULT
    del del_me
    assert held() == 0


def test_a_block_is_used_again_by_any_array_of_its_size_or_a_little_less():
    with fl.reuse_memory():
        first = address(dirty(MIB))
        assert held() == MIB
        x = fl.leaky_relu(np.broadcast_to(np.float32(1), MIB // 4), 0.1)
        assert address(x) == first
        assert held() == 0
        del x
        x = np.empty(MIB * 7 // 8, np.int8)
        assert address(x) == first
        del x
        # It kept its true size.
        assert held() == MIB
        much_smaller = np.empty(MIB // 2, np.int8)
        assert address(much_smaller) != first
        assert held() == MIB


def test_intermediate_results_are_served():
    with fl.reuse_memory():
        x = np.linspace(-1, 1, MIB)
        before = fl.config()["memory_reused"]
        for _ in range(3):
            y = np.where(x > 0, x, 0.1 * x)
        assert fl.config()["memory_reused"] >= before + 5
    assert (y == fl.leaky_relu(x, 0.1)).all()


def test_small_blocks_pass():
    with fl.reuse_memory():
        np.empty((128 << 10) - 1, np.int8)
        assert held() == 0
        np.empty(128 << 10, np.int8)
        assert held() == 128 << 10


def test_no_more_than_max_bytes_and_the_longest_idle_goes_first():
    with fl.reuse_memory(max_bytes=3 * MIB):
        arrays = [dirty(MIB) for _ in range(4)]
        addresses = [address(x) for x in arrays]
        while arrays:
            del arrays[0]
            assert held() <= 3 * MIB
        assert address(dirty(MIB)) == addresses[3]
        dirty(3 * MIB + 1)
        assert held() == 3 * MIB
        dirty(3 * MIB)
        assert held() == 3 * MIB
        assert fl.config()["memory_blocks"] == 1


def test_more_blocks_than_places():
    with fl.reuse_memory(max_bytes=1 << 30):
        arrays = [np.empty(128 << 10, np.int8) for _ in range(600)]
        del arrays
        assert fl.config()["memory_blocks"] == 512
        assert held() == 512 * (128 << 10)


@pytest.mark.parametrize("nbytes", [128 << 10, 5 * MIB, 33 * MIB])
def test_zeros_are_zeros(nbytes):
    with fl.reuse_memory():
        dirty(nbytes)
        assert held() == nbytes
        assert not np.zeros(nbytes, np.uint8).any()
        assert not np.zeros((nbytes // 9, 8), np.uint8).any()


def test_resize():
    with fl.reuse_memory():
        for before, after in ((MIB, 3 * MIB), (3 * MIB, MIB), (1000, MIB), (MIB, 1000), (MIB, 0)):
            x = np.arange(before, dtype=np.uint8)
            x.resize(after, refcheck=False)
            common = min(before, after)
            assert (x[:common] == np.arange(common, dtype=np.uint8)).all()
            assert not x[common:].any()
            del x
        # A block that was larger than its array is not taken for smaller, or larger, than it became.
        fl.release_memory()
        dirty(MIB)
        x = np.empty(MIB - 1000, np.uint8)
        x.resize(2 * MIB, refcheck=False)
        del x
        assert held() == 2 * MIB


def test_arrays_outlive_the_block_and_everything_of_it():
    memory = fl.reuse_memory()
    context = contextvars.copy_context()
    context.run(memory.__enter__)
    x, y = context.run(dirty, MIB), context.run(np.arange, MIB)
    context.run(memory.__exit__, None, None, None)
    del memory, context
    assert name_of_handler(x) == OURS
    holder = [x]
    del x
    in_new_thread(holder.clear)
    assert held() == 0
    assert (y == np.arange(MIB)).all()
    y.resize(2 * MIB, refcheck=False)
    assert not y[MIB:].any()


def test_exceptions_end_it():
    def fails():
        with fl.reuse_memory():
            dirty(MIB)
            assert held() == MIB
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()


def test_nested_blocks_have_stores_of_their_own():
    with fl.reuse_memory(10 * MIB):
        outer = address(dirty(MIB))
        with fl.reuse_memory(20 * MIB):
            assert fl.config()["memory_limit"] == 30 * MIB
            x = dirty(MIB)
            # What the inner one lacks it asks of the outer one.
            assert address(x) == outer
            del x
            assert held() == MIB
            y = dirty(2 * MIB)
        assert held() == MIB
        del y
        # Made inside the inner one, freed after its end: through the outer one.
        assert held() == 3 * MIB
        assert address(dirty(MIB)) == outer


def test_one_object_entered_twice_is_left_twice():
    memory = fl.reuse_memory()
    with memory:
        with memory:
            dirty(MIB)
        assert held() == MIB
        assert name_of_handler() == OURS
    assert held() == 0
    with memory:
        dirty(MIB)
        assert held() == MIB


def test_threads_count_for_themselves_and_share_the_object():
    memory = fl.reuse_memory()
    with memory:
        there = address(dirty(MIB))

        def in_thread():
            # Where new threads inherit the context, as free-threaded Python 3.14 has it, the outer block counts.
            outside = name_of_handler()
            with memory:
                return outside, address(dirty(MIB))

        outside, taken = in_new_thread(in_thread)
        inherited = contextvars.ContextVar("inherited", default=False)
        inherited.set(True)
        assert (outside == OURS) == in_new_thread(inherited.get)
        assert taken == there
        assert held() == MIB


def test_generators_may_leave_in_any_order():
    def one():
        with fl.reuse_memory(MIB):
            yield

    for first in (0, 1):
        pair = [one(), one()]
        for generator in pair:
            next(generator)
        assert fl.config()["memory_limit"] == 2 * MIB
        pair[first].close()
        assert name_of_handler() == OURS
        dirty(MIB)
        assert held() == MIB
        pair[1 - first].close()
        assert name_of_handler() == DEFAULT


def test_tasks_have_it_each_for_itself():
    async def inside(started, leave):
        with fl.reuse_memory():
            started.set()
            await leave.wait()
            return name_of_handler()

    async def outlives(begin):
        await begin.wait()
        dirty(MIB)
        return held()

    async def main():
        started, leave, begin = asyncio.Event(), asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(inside(started, leave))
        await started.wait()
        assert name_of_handler() == DEFAULT
        with fl.reuse_memory():
            late = asyncio.create_task(outlives(begin))
        begin.set()
        assert await late == 0
        leave.set()
        assert await task == OURS

    asyncio.run(main())


def test_left_in_another_context():
    memory = fl.reuse_memory()
    context = contextvars.copy_context()
    context.run(memory.__enter__)
    memory.__exit__(None, None, None)
    assert name_of_handler() == DEFAULT
    assert context.run(lambda: (dirty(MIB), held())[1]) == 0
    # The handler that was left behind there is skipped by the next one.
    with fl.reuse_memory():
        assert context.run(lambda: address(dirty(MIB))) != 0
        assert held() == 0
    with pytest.raises(RuntimeError, match="more often"):
        memory.__exit__(None, None, None)


def test_the_whole_process():
    memory = fl.reuse_memory(4 * MIB)
    before = dirty(MIB)
    memory.start()
    try:
        assert in_new_thread(name_of_handler) == OURS
        # Made before, freed now.
        there = address(before)
        del before
        assert held() == MIB
        assert in_new_thread(lambda: address(dirty(MIB))) == there
        with fl.reuse_memory(2 * MIB):
            dirty(MIB)
        assert held() == MIB
        after = dirty(3 * MIB)
        dirty(4 * MIB)
        assert held() == 4 * MIB
        fl.reuse_memory(3 * MIB).start()
        assert held() == 0
        assert fl.config()["memory_limit"] == 3 * MIB
    finally:
        fl.reuse_memory().stop()
    # Made meanwhile, freed now.
    assert name_of_handler(after) == DEFAULT
    del after
    assert held() == 0
    memory.stop()


def test_release_memory():
    assert fl.release_memory() == 0
    with fl.reuse_memory(), fl.reuse_memory():
        # Of two stores, one below the other.
        x, y = dirty(MIB), dirty(2 * MIB)
        del x, y
        assert fl.release_memory() == 3 * MIB
        assert held() == 0
        dirty(MIB)
        assert fl.release_memory() == MIB


def test_the_handler_that_was_there_gets_every_block_back_as_it_gave_it():
    with foreign_handler() as books:
        small = np.empty(8)
        with fl.reuse_memory(4 * MIB):
            assert name_of_handler() == OURS
            for nbytes in (MIB, MIB - 1000, 3 * MIB, 1000, 5 * MIB, 2 * MIB, 2 * MIB):
                x = np.empty(nbytes, np.uint8)
                y = np.zeros(nbytes, np.uint8)
                assert not y.any()
                z = x + y
                z.resize(nbytes + MIB, refcheck=False)
                del x, y, z
            lasting = np.arange(MIB)
            kept = held()
            assert kept > 0
            assert sum(books.blocks.values()) == kept + lasting.nbytes + small.nbytes
            # No memory: what is kept is given back, and asked for again, before MemoryError.
            books.refuse = True
            with pytest.raises(MemoryError):
                np.empty(6 * MIB)
            books.refuse = False
            assert held() == 0
        assert name_of_handler() == "foreign"
        assert sum(books.blocks.values()) == lasting.nbytes + small.nbytes
    del lasting, small
    assert books.blocks == {}
    assert books.errors == []


def test_one_object_over_two_handlers_mixes_no_blocks():
    memory = fl.reuse_memory()
    with memory:
        dirty(MIB)
        with foreign_handler() as books:
            with memory:
                x = dirty(MIB)
                assert list(books.blocks) == [address(x)]
                del x
                assert held() == 2 * MIB
            assert held() == 2 * MIB
    assert books.blocks == {}
    assert books.errors == []


def test_a_handler_set_inside_and_left_is_not_ours_to_take_away():
    with foreign_handler():
        memory = fl.reuse_memory()
        memory.__enter__()
        with foreign_handler():
            memory.__exit__(None, None, None)
            assert name_of_handler() == "foreign"
    assert name_of_handler() == DEFAULT


def test_subclasses_and_masks():
    class Marked(np.ndarray):
        pass

    with fl.reuse_memory():
        x = np.arange(MIB, dtype=np.float32).view(Marked)
        assert type(fl.leaky_relu(x, 0.1)) is Marked
        masked = np.ma.masked_greater(x, 5)
        assert fl.leaky_relu(masked, 0.1).count() == 6
        del x, masked
        assert held() > 0


@pytest.mark.parametrize("wrong", [1.5, "1", None, True, np.float64(2)])
def test_max_bytes_must_be_an_integer(wrong):
    with pytest.raises(TypeError, match="max_bytes must be an integer, not "):
        fl.reuse_memory(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1 << 63])
def test_max_bytes_must_be_in_range(wrong):
    with pytest.raises(ValueError, match=f"not {wrong}$"):
        fl.reuse_memory(wrong)


def test_config_says_what_is_kept(capsys):
    fl.show_config()
    assert "memory    not kept" in capsys.readouterr().out
    with fl.reuse_memory(np.int64(4 * MIB)) as memory:
        dirty(MIB)
        fl.show_config()
        assert "1 MiB of 4 MiB kept for new arrays: 1 blocks" in capsys.readouterr().out
        assert repr(memory) == "reuse_memory(max_bytes=4194304)"
