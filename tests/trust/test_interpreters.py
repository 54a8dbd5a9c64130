"""Import, reload, pickle to and from another process, a second interpreter in the process, free threading."""

import base64
import copy
import importlib
import pickle
import sys
import sysconfig

import numpy as np
import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

import fastlrelu as fl
import reference as ref

pytestmark = pytest.mark.timeout(60)
PUBLIC = [getattr(fl, name) for name in fl.__all__ if name != "__version__"]
IN_ANOTHER = """
try:
    from _interpreters import create, exec as run_string
except ImportError:
    from _xxsubinterpreters import create, run_string
"""


def test_a_second_interpreter_gets_an_import_error():
    out = run_python(
        IN_ANOTHER
        + """
import warnings
warnings.simplefilter("ignore")
import numpy as np, fastlrelu as fl
for _ in range(3):
    run_string(create(), '''
import warnings
warnings.simplefilter("ignore")
try:
    import fastlrelu
except ImportError as error:
    print("ImportError", flush=True)
''')
assert (fl.leaky_relu(np.array([-2.0, 1.0]), 0.5) == [-1.0, 1.0]).all()
print("alive")
"""
    )
    assert out.split() == ["ImportError"] * 3 + ["alive"]


@pytest.mark.parametrize(
    "module",
    [
        "threads.number",
        "dispatch.loops",
        "ufuncs.registration",
        "calls.leaky_relu",
        "calls.prelu",
        "calls.prelu_grad",
    ],
)
def test_our_own_modules_refuse_a_second_interpreter(module):
    """NumPy refuses first in the test above, where it was imported already."""
    path = sys.modules[f"fastlrelu.{module}"].__file__
    out = run_python(
        IN_ANOTHER
        + f"""
import warnings
warnings.simplefilter("ignore")
import fastlrelu
run_string(create(), '''
import importlib.util
try:
    spec = importlib.util.spec_from_file_location("fastlrelu.{module}", {path!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
except ImportError:
    print("ImportError", flush=True)
''')
"""
    )
    assert out.strip() == "ImportError"


def test_reload_and_import_again():
    run_python("""
import importlib, pickle, sys
import numpy as np, fastlrelu as fl
x = np.array([-2.0, 1.0])
first = fl.leaky_relu
for _ in range(3):
    fl = importlib.reload(fl)
    assert fl.leaky_relu is first
    assert (fl.leaky_relu(x, 0.5) == [-1.0, 1.0]).all()
    assert pickle.loads(pickle.dumps(fl.leaky_relu)) is fl.leaky_relu
    importlib.reload(sys.modules["fastlrelu.info.config"])
    importlib.reload(sys.modules["fastlrelu.threads.processors"])
for name in [name for name in sys.modules if name.startswith("fastlrelu")]:
    del sys.modules[name]
import fastlrelu as again
assert (again.leaky_relu(x, 0.5) == [-1.0, 1.0]).all()
assert (again.LeakyReLU(0.5)(x) == [-1.0, 1.0]).all()
assert (first(x, 0.5) == [-1.0, 1.0]).all()
assert again.config()["threads"] == fl.config()["threads"]
""")


def test_imports_from_many_threads_at_once():
    run_python("""
import threading
start = threading.Barrier(8)
failures = []
def work():
    start.wait()
    try:
        import numpy as np, fastlrelu as fl
        assert (fl.leaky_relu(np.array([-2.0, 1.0]), 0.5) == [-1.0, 1.0]).all()
    except BaseException as error:
        failures.append(error)
workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert not failures, failures
""")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_cross_processes_both_ways(protocol):
    ours = [*PUBLIC, fl.LeakyReLU(0.3)]
    sent = base64.b64encode(pickle.dumps(ours, protocol)).decode()
    back = run_python(f"""
import base64, pickle
values = pickle.loads(base64.b64decode({sent!r}))
import fastlrelu as fl
names = [name for name in fl.__all__ if name != "__version__"]
assert all(value is getattr(fl, name) for value, name in zip(values, names))
assert values[-1] == fl.LeakyReLU(0.3)
print(base64.b64encode(pickle.dumps(values, {protocol})).decode())
""")
    received = pickle.loads(base64.b64decode(back))
    assert received[:-1] == PUBLIC
    assert received[-1] == fl.LeakyReLU(0.3)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copies(duplicate):
    for value in PUBLIC:
        assert duplicate(value) is value
    act = duplicate(fl.LeakyReLU(0.3))
    assert act == fl.LeakyReLU(0.3)
    x = np.array([-2.0, 1.0])
    ref.assert_same_bits(act(x), ref.leaky_relu(x, 0.3))


def test_import_without_ml_dtypes():
    run_python("""
import sys
sys.modules["ml_dtypes"] = None
import numpy as np, fastlrelu as fl
assert "bfloat16" not in fl.config()["dtypes"]
assert (fl.leaky_relu(np.array([-2.0, 1.0], "f2"), 0.5) == [-1.0, 1.0]).all()
""")


def test_the_end_of_a_process_in_mid_call():
    """Daemon threads are in kernels while the interpreter is taken down."""
    for _ in range(5):
        run_python(
            """
import threading, time
import numpy as np, fastlrelu as fl
fl.set_num_threads(3)
x = np.ones(2_000_000, np.float32)
def work():
    out = np.empty_like(x)
    while True:
        fl.leaky_relu(x, 0.1, out=out)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""",
            **ALWAYS_PARALLEL,
        )


def test_declared_safe_without_the_interpreter_lock():
    """In a free-threaded build the import would switch the lock back on, with a warning, were it not declared."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        run_python("import sys, fastlrelu; assert not sys._is_gil_enabled()", arguments=("-W", "error"))
    else:
        package = importlib.import_module("fastlrelu")
        assert package is fl
