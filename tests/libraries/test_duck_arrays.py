"""xarray, pandas, numpy.ma and sparse: `__array_ufunc__` keeps labels, index, masks and sparsity."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fastlrelu as fl
import reference as ref

SLOPE = 0.25
COLUMNS = list("abcd")
# What is applied to the container, and what its array must become.
ACTIVATIONS = {
    "leaky_relu": (lambda x: fl.leaky_relu(x, SLOPE), lambda x: ref.leaky_relu(x, SLOPE)),
    "LeakyReLU": (fl.LeakyReLU(SLOPE), lambda x: ref.leaky_relu(x, SLOPE)),
    "elu": (lambda x: fl.elu(x, SLOPE), lambda x: fl.elu(x, SLOPE)),
    "ELU": (fl.ELU(SLOPE), lambda x: fl.elu(x, SLOPE)),
    "gelu": (fl.gelu, fl.gelu),
    "GELU": (fl.GELU("tanh"), fl.gelu_tanh),
}
each_activation = pytest.mark.parametrize(("act", "expected"), ACTIVATIONS.values(), ids=ACTIVATIONS)


@pytest.fixture
def x(rng):
    return rng.standard_normal((6, 4)).astype(np.float32)


@pytest.fixture
def labelled(x):
    coordinates = {"time": pd.date_range("2026-01-01", periods=6), "channel": COLUMNS}
    return xr.DataArray(x, coordinates, ("time", "channel"), name="signal", attrs={"units": "mV"})


class TestXarray:
    @each_activation
    def test_labels_and_attributes_stay(self, x, labelled, act, expected):
        with xr.set_options(keep_attrs=True):
            y = act(labelled)
        xr.testing.assert_identical(y, labelled.copy(data=expected(x)))
        ref.assert_same_bits(y.values, expected(x))

    def test_slopes_are_matched_by_name(self, x, labelled, rng):
        slopes = rng.random(4).astype(np.float32)
        turned = xr.DataArray(slopes[::-1], {"channel": COLUMNS[::-1]}, ("channel",))
        with xr.set_options(arithmetic_join="inner"):
            y = fl.leaky_relu(labelled.transpose(), turned.sel(channel=COLUMNS))
        assert y.dims == ("channel", "time")
        ref.assert_same_bits(y.values, ref.leaky_relu(x, slopes).T)

    def test_datasets_and_gradients(self, x, labelled):
        ref.assert_same_bits(fl.leaky_relu(labelled.to_dataset(), SLOPE)["signal"].values, ref.leaky_relu(x, SLOPE))
        grad = fl.leaky_relu_grad(xr.ones_like(labelled), labelled, SLOPE)
        ref.assert_same_bits(grad.values, ref.leaky_relu_grad(np.ones_like(x), x, SLOPE))
        for gradient, alpha in ((fl.elu_grad, (SLOPE,)), (fl.gelu_grad, ()), (fl.gelu_tanh_grad, ())):
            grad = gradient(xr.ones_like(labelled), labelled, *alpha)
            ref.assert_same_bits(grad.values, gradient(np.ones_like(x), x, *alpha))
        total = fl.add_leaky_relu(labelled, labelled.isel(time=0, drop=True), SLOPE)
        ref.assert_same_bits(total.values, ref.add_leaky_relu(x, x[0], SLOPE))

    @each_activation
    def test_chunks_stay_lazy(self, x, labelled, act, expected):
        y = act(labelled.chunk({"time": 2}))
        assert y.chunks == ((2, 2, 2), (4,))
        ref.assert_same_bits(y.compute(scheduler="synchronous").values, expected(x))


class TestPandas:
    @each_activation
    def test_a_series_keeps_index_name_and_dtype(self, x, act, expected):
        series = pd.Series(x[:, 0], index=list("uvwxyz"), name="signal")
        y = act(series)
        pd.testing.assert_series_equal(y, pd.Series(expected(x[:, 0]), index=series.index, name="signal"))

    def test_series_are_aligned(self, x):
        series = pd.Series(x[:, 0], index=list("uvwxyz"))
        upstream = pd.Series(x[:, 1], index=series.index)
        y = fl.leaky_relu_grad(upstream[::-1], series, SLOPE)
        ref.assert_same_bits(y.sort_index().to_numpy(), ref.leaky_relu_grad(x[:, 1], x[:, 0], SLOPE))

    def test_missing_values_stay_missing(self):
        series = pd.Series([-2, None, 3], dtype="Float32")
        pd.testing.assert_series_equal(fl.leaky_relu(series, 0.5), pd.Series([-1, None, 3], dtype="Float32"))

    def test_a_frame_keeps_index_and_columns(self, x):
        frame = pd.DataFrame(x, index=list("uvwxyz"), columns=COLUMNS)
        y = fl.leaky_relu(frame, np.float32(SLOPE))
        pd.testing.assert_frame_equal(y, frame.where(frame > 0, SLOPE * frame))
        assert (y.dtypes == np.float32).all()
        pd.testing.assert_frame_equal(fl.elu(frame, np.float32(SLOPE)), frame.apply(fl.ELU(SLOPE)))
        pd.testing.assert_frame_equal(fl.gelu(frame), frame.apply(fl.GELU()))

    def test_a_frame_makes_float64_of_a_python_slope_as_with_other_ufuncs(self, x):
        frame = pd.DataFrame(x, columns=COLUMNS)
        assert (np.hypot(frame, SLOPE).dtypes == np.float64).all()
        assert (fl.leaky_relu(frame, SLOPE).dtypes == np.float64).all()
        assert (frame.apply(fl.LeakyReLU(SLOPE)).dtypes == np.float32).all()

    def test_columns_of_several_dtypes(self):
        frame = pd.DataFrame({"a": np.array([-2, 3], np.float32), "b": [-4, 5]})
        y = frame.apply(fl.LeakyReLU(0.5))
        assert y["a"].dtype == np.float32
        assert y["b"].dtype == np.float64
        assert y.to_numpy().tolist() == [[-1, -2], [3, 5]]

    def test_prelu_of_frames_and_of_a_series_of_slopes(self, x):
        frame = pd.DataFrame(x, columns=COLUMNS)
        slopes = np.linspace(0.1, 0.3, x.shape[1], dtype=np.float32)
        ref.assert_same_bits(fl.prelu(x, pd.Series(slopes)), fl.prelu(x, slopes))
        grad_x, grad_weight = fl.prelu_grad(frame, frame, slopes)
        expected_x, expected_weight = fl.prelu_grad(x, x, slopes)
        pd.testing.assert_frame_equal(grad_x, pd.DataFrame(expected_x, columns=COLUMNS))
        ref.assert_same_bits(grad_weight, expected_weight)


class TestMasked:
    @each_activation
    def test_the_mask_stays(self, x, act, expected):
        masked = np.ma.masked_array(x, x > 1)
        y = act(masked)
        assert isinstance(y, np.ma.MaskedArray)
        np.testing.assert_array_equal(y.mask, masked.mask)
        ref.assert_same_bits(y.compressed(), expected(x)[~masked.mask])

    def test_masks_are_joined(self, x):
        left, right = np.ma.masked_array(x, x > 1), np.ma.masked_array(x, x < -1)
        for y in (
            fl.leaky_relu_grad(left, right, SLOPE),
            fl.add_leaky_relu(left, right, SLOPE),
            fl.elu_grad(left, right, SLOPE),
            fl.gelu_grad(left, right),
        ):
            np.testing.assert_array_equal(y.mask, left.mask | right.mask)

    def test_in_place_through_out(self, x):
        masked = np.ma.masked_array(x.copy(), x > 1)
        y = fl.leaky_relu(masked, SLOPE, out=masked)
        assert y is masked
        ref.assert_same_bits(y.compressed(), ref.leaky_relu(x, SLOPE)[x <= 1])


class TestSparse:
    @pytest.fixture
    def sparse(self):
        reason = "without sparse, which the extra test-libraries has: it needs Numba and LLVM, 200 MB"
        return pytest.importorskip("sparse", reason=reason)

    @pytest.mark.parametrize("kind", ["COO", "GCXS"])
    @pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu"])
    def test_zeros_are_not_stored(self, sparse, rng, kind, name):
        act, expected = ACTIVATIONS[name]
        x = ref.random_values(rng, (20, 30), np.float32)
        x[rng.random(x.shape) < 0.9] = 0
        array = getattr(sparse, kind).from_numpy(x)
        y = act(array)
        assert isinstance(y, getattr(sparse, kind))
        assert y.fill_value == 0
        assert y.nnz == array.nnz
        np.testing.assert_array_equal(y.todense(), expected(x))
        assert y.dtype == np.float32

    def test_gradient_and_slopes_of_its_own(self, sparse, rng):
        x = rng.standard_normal((20, 4)).astype(np.float32)
        x[x < 1] = 0
        array, slopes = sparse.COO.from_numpy(-x), rng.random(4).astype(np.float32)
        np.testing.assert_array_equal(fl.leaky_relu(array, slopes).todense(), ref.leaky_relu(-x, slopes))
        grad = fl.leaky_relu_grad(array, array, SLOPE)
        np.testing.assert_array_equal(grad.todense(), ref.leaky_relu_grad(-x, -x, SLOPE))

    def test_a_fill_value_goes_through_the_function_too(self, sparse):
        array = sparse.COO.from_numpy(np.array([-2.0, -2.0, 3.0]), fill_value=-2.0)
        assert fl.leaky_relu(array, 0.5).fill_value == -1
