"""The hazards of handing memory to native code: each is read rightly or refused, never a crash."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import lowerpose_ops as lp
from lowerpose_ops import _library, _native
from tests.heatmap_samples import PLAIN_DECODING

SHAPE = (2, 3, 8, 6)


@pytest.fixture(params=["exchange", "description"])
def route(request, monkeypatch):
    """Both ways of a tensor into native code; the second is that of older torch versions."""
    if request.param == "exchange" and not _library.has_exchange:
        pytest.skip("this torch has no DLPack C exchange API")
    monkeypatch.setattr(_library, "has_exchange", request.param == "exchange")
    return request.param


def maps(seed=0, dtype=torch.float32):
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)).to(dtype)


class Subclass(torch.Tensor):
    """A tensor subclass without behaviour of its own."""


def views():
    """Tensors with the values of maps(), and strides, types and flags of every kind."""
    plain = maps()
    wide = torch.zeros(2, 6, 16, 12)
    wide[:, ::2, ::2, 1::2] = plain
    negative = torch._neg_view(-plain)
    assert negative.is_neg()
    return {
        "contiguous": plain,
        "channels_last": plain.contiguous(memory_format=torch.channels_last),
        "sliced": wide[:, ::2, ::2, 1::2],
        "offset": torch.cat([plain, plain])[2:],
        "transposed": plain.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
        "negative bit": negative,
        "imaginary part of a conjugate": torch.complex(plain, -plain).conj().imag,
        "parameter": torch.nn.Parameter(plain),
        "requires grad": plain.clone().requires_grad_(),
        "subclass": plain.clone().as_subclass(Subclass),
        "buffer": torch.nn.Buffer(plain.clone()),
    }


@pytest.mark.parametrize("kind", views())
def test_every_kind_of_view_is_read_rightly(route, kind):
    tensor = views()[kind]
    coords, scores = lp.decode_heatmaps(tensor)
    expected_coords, expected_scores = lp.decode_heatmaps(maps())
    assert torch.equal(torch.Tensor(coords), expected_coords)
    assert torch.equal(torch.Tensor(scores), expected_scores)
    target, weight = maps(1), torch.ones(2, 3)
    loss = lp.joints_mse_loss(tensor, target, weight)
    assert loss.item() == pytest.approx(((maps() - target) ** 2).mean().item(), rel=1e-6)


@pytest.mark.parametrize("kind", ["contiguous", "channels_last", "sliced", "transposed"])
def test_gradients_of_views(route, kind):
    output = views()[kind].detach().requires_grad_()
    (1.5 * lp.joints_mse_loss(output, maps(1))).backward()
    expected = 1.5 * 2 * (maps() - maps(1)) / maps().numel()
    torch.testing.assert_close(output.grad, expected, rtol=1e-6, atol=0)


def test_expanded_tensors_of_stride_zero(route):
    one = maps()[:1]
    expanded = one.expand(4, 3, 8, 6)
    assert torch.equal(lp.decode_heatmaps(expanded)[0], lp.decode_heatmaps(one)[0].expand(4, 3, 2))
    weight = torch.ones(1, 1, 1).expand(4, 3, 1)
    loss = lp.joints_mse_loss(expanded, torch.zeros(4, 3, 8, 6), weight)
    assert loss.item() == pytest.approx((one**2).mean().item(), rel=1e-6)


def test_an_expanded_incoming_gradient(route):
    output, target = maps().requires_grad_(), maps(1).requires_grad_()
    loss = lp.joints_mse_loss(output, target)
    incoming = torch.ones(1).expand(3)[1]  # a view into memory that it does not own alone
    by_view = torch.autograd.grad(loss, (output, target), incoming, retain_graph=True)
    plain = torch.autograd.grad(loss, (output, target))
    assert torch.equal(by_view[0], plain[0])
    assert torch.equal(by_view[1], plain[1])


def test_a_type_is_never_read_as_another(route):
    """An int32 target read as float32 would give a silent wrong number."""
    for dtype in (torch.int32, torch.int64, torch.uint8, torch.bool):
        for function in (lp.decode_heatmaps, lambda t: lp.joints_mse_loss(maps(), t)):
            with pytest.raises(TypeError, match=r"must be float32 or float16 .*, got"):
                function(torch.zeros(SHAPE).to(dtype))


def test_types_that_native_code_does_not_know_are_named(route):
    with pytest.raises(TypeError, match=r"got a tensor of .*(complex64|element type)"):
        lp.decode_heatmaps(torch.zeros(SHAPE, dtype=torch.complex64))


@pytest.mark.parametrize("kind", [list, tuple, str, bytes, bytearray, memoryview, type(None)])
def test_what_is_no_tensor_is_refused_by_name(kind):
    value = {str: "x", type(None): None, memoryview: memoryview(b"x")}.get(kind) or (
        kind() if kind is not type(None) else None
    )
    for call, argument in (
        (lambda v: lp.decode_heatmaps(v), "heatmaps"),
        (lambda v: lp.joints_mse_loss(maps(), v), "target"),
        (lambda v: lp.joints_mse_loss(v, maps()), "output"),
        (lambda v: lp.gaussian_targets(torch.zeros(1, 2, 2), v, (4, 4)), "visible"),
        (lambda v: lp.pck_counts(torch.zeros(1, 2, 2), v, torch.ones(1, 2), 1, 1), "gt"),
    ):
        # A list or tuple of outputs is a network's stages, of which there must be some.
        error = ValueError if argument == "output" and kind in (list, tuple) else TypeError
        with pytest.raises(error, match=rf"\w+: {argument} must be .*, got {kind.__name__}"):
            call(value)


def test_numpy_and_torch_do_not_mix():
    with pytest.raises(TypeError, match="visible must be a torch tensor, got ndarray"):
        lp.gaussian_targets(torch.zeros(1, 2, 2), np.ones((1, 2)), (4, 4))
    with pytest.raises(TypeError, match="visible must be a NumPy array, got Tensor"):
        lp.gaussian_targets(np.zeros((1, 2, 2)), torch.ones(1, 2), (4, 4))


def test_meta_tensors_give_shapes(route):
    meta = torch.zeros(SHAPE, device="meta", requires_grad=True)
    coords, scores = lp.decode_heatmaps(meta)
    assert coords.shape == (2, 3, 2)
    assert scores.device.type == "meta"
    loss = lp.joints_mse_loss(meta, meta.detach())
    loss.backward()
    assert meta.grad.shape == SHAPE
    targets, _ = lp.gaussian_targets(
        torch.zeros(2, 3, 2, device="meta"), torch.ones(2, 3, device="meta"), (6, 8)
    )
    assert targets.shape == SHAPE


def test_fake_tensors_give_shapes(route):
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(maps())
        coords, _ = lp.decode_heatmaps(fake)
        assert coords.shape == (2, 3, 2)
        assert lp.joints_mse_loss(fake, fake).shape == ()


@pytest.mark.parametrize(
    "make", [lambda: maps().to("meta"), lambda: FakeTensorMode().from_tensor(maps())]
)
def test_memory_that_is_not_there_is_refused_by_native_code(route, make):
    """Past the dispatcher, a tensor without memory must still not be read."""
    coords, scores = torch.zeros(2, 3, 2), torch.zeros(2, 3)
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        _native.core.decode_heatmaps(_library.view(make()), coords, scores, *PLAIN_DECODING)


def test_tensors_on_several_devices_are_refused():
    with pytest.raises(ValueError, match="target must be on cpu like output, got cuda:1"):
        _native.core.joints_mse(
            *(description(), description(device="cuda", index=1), None),
            *(description(()), description((2, 3), "float64"), None, False, True, 1.0, 1),
        )


WITHOUT_CUDA = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_C", sys.argv[1])
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)
assert core.cuda_version == ""
shapes = (1, 1, 2, 2), (1, 1, 2), (1, 1)
strides = (4, 4, 2, 1), (2, 2, 1), (1, 1)
views = [(64, *pair, "float32", "cuda", 0, 0) for pair in zip(shapes, strides)]
try:
    core.decode_heatmaps(*views, *eval(sys.argv[2], {"inf": float("inf")}))
except ValueError as error:
    print(error)
"""


def test_a_build_without_cuda_says_how_to_get_one(emulated_core):
    """The emulated module's build makes a _C without CUDA beside it."""
    module = emulated_core.path.parent.parent / emulated_core.path.name.replace("_emulated", "")
    command = [sys.executable, "-c", WITHOUT_CUDA, str(module), repr(PLAIN_DECODING)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("decode_heatmaps: heatmaps must be on the CPU, because this build has")
    assert "LOWERPOSE_CUDA=ON" in said
    assert said.rstrip().endswith("got cuda:0")


KEPT = torch.zeros(2, 3, 8, 6, dtype=torch.float64)  # what the descriptions point to


def description(shape=SHAPE, dtype="float32", device="cpu", index=0, pointer=None, strides=None):
    pointer = KEPT.data_ptr() if pointer is None else pointer
    strides = torch.empty(shape, device="meta").stride() if strides is None else strides
    return (pointer, shape, strides, dtype, device, index, 0)


NO_TENSOR = "a tuple that describes no tensor"


@pytest.mark.parametrize(
    ("bad", "got"),
    [
        ((), NO_TENSOR),
        ((1, 2, 3), NO_TENSOR),
        (description(pointer=0), "a null pointer"),
        (description(pointer=KEPT.data_ptr() + 2), "a misaligned address"),
        (description(pointer="x"), NO_TENSOR),
        (description(pointer=2**70), NO_TENSOR),
        (description(shape=(2, 3, 8)), r"\[2, 3, 8\]"),
        (description(shape=(2, 3, 8, 6, 1, 1, 1, 1, 1), strides=(1,) * 9), NO_TENSOR),
        (description(strides=(1, 1)), NO_TENSOR),
        (description(shape=(2, 3, 8, "x"), strides=(1, 1, 1, 1)), NO_TENSOR),
        (description(shape=(2**62, 2**62, 8, 6), strides=(1, 1, 1, 1)), NO_TENSOR),
        (description(shape=(-2, 3, 8, 6), strides=(1, 1, 1, 1)), NO_TENSOR),
        (description(dtype="float33"), "a tensor of float33"),
        (description(dtype=7), NO_TENSOR),
        (description(device="mps"), "a tensor on mps"),
        (object(), "object"),
        (3, "int"),
    ],
)
def test_native_code_refuses_nonsense(bad, got):
    outputs = torch.zeros(2, 3, 2), torch.zeros(2, 3)
    with pytest.raises((TypeError, ValueError), match=f"heatmaps must be .*, got {got}"):
        _native.core.decode_heatmaps(bad, *outputs, *PLAIN_DECODING)


@pytest.mark.parametrize(
    ("coords", "scores"),
    [
        (torch.zeros(2, 3, 3), torch.zeros(2, 3)),
        (torch.zeros(2, 3, 2).double(), torch.zeros(2, 3)),
        (torch.zeros(2, 3, 4)[..., ::2], torch.zeros(2, 3)),
        (torch.zeros(2, 3, 2), torch.zeros(1).expand(2, 3)),
        (np.zeros((2, 3, 2), np.float32)[::-1], np.zeros((2, 3), np.float32)),
    ],
)
def test_native_code_refuses_outputs_that_it_cannot_fill(coords, scores):
    with pytest.raises((TypeError, ValueError)):
        _native.core.decode_heatmaps(maps(), coords, scores, *PLAIN_DECODING)


def test_read_only_arrays_are_inputs_and_never_outputs():
    array = maps().numpy().copy()
    array.flags.writeable = False
    np.testing.assert_array_equal(lp.decode_heatmaps(array)[1], array.max((2, 3)))
    frozen = np.zeros((2, 3, 2), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="coords must be writable"):
        _native.core.decode_heatmaps(array, frozen, np.zeros((2, 3), np.float32), *PLAIN_DECODING)


def test_masked_arrays_are_refused():
    """Or what is masked would count."""
    heatmaps = np.ma.masked_array(np.ones((1, 3, 3), np.float32), mask=np.eye(3) > 0)
    with pytest.raises(TypeError, match="heatmaps must be a NumPy array, got MaskedArray"):
        lp.decode_heatmaps(heatmaps)


def test_arrays_that_are_not_aligned_or_not_native_are_refused():
    records = np.zeros((2, 3, 8, 6), np.dtype([("pad", "u1"), ("value", "f4")]))
    bytes_apart = np.ndarray(SHAPE, np.float32, bytearray(9999), strides=(1000, 300, 30, 5))
    many = np.zeros((1,) * 9, np.float32)
    for array, got in (
        (records["value"], "strides are no multiples"),
        (bytes_apart, "strides are no multiples"),
        (np.ndarray(SHAPE, np.float32, bytearray(1200), offset=2), "a misaligned address"),
        (maps().numpy().astype(">f4"), "element type '>f'"),
        (records, "an array of element type"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"heatmaps must be .*{got}"):
            lp.decode_heatmaps(array)
    with pytest.raises(TypeError, match="got an array of 9 dimensions"):
        _native.core.decode_heatmaps(many, many, many, *PLAIN_DECODING)


def test_arrays_are_let_go_of():
    array = maps().numpy().copy()
    before = sys.getrefcount(array)
    for _ in range(3):
        lp.decode_heatmaps(array)
    with pytest.raises(TypeError):
        lp.decode_heatmaps(array.astype(">f4"))
    assert sys.getrefcount(array) == before
    array.resize(7, refcheck=True)  # impossible while a buffer is held


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_negative_integers_are_negative(kind):
    joints = np.full((1, 2, 2), -3, kind)
    targets, _ = lp.gaussian_targets(joints, np.array([[1, -1]], kind), (8, 8))
    expected, _ = lp.gaussian_targets(np.full((1, 2, 2), -3.0), np.array([[1.0, 0]]), (8, 8))
    np.testing.assert_array_equal(targets, expected)


def test_meta_beside_cpu_is_refused(route):
    """The dispatcher would compute nothing and return what memory held before."""
    joints, meta = torch.zeros(2, 3, 2), torch.ones(2, 3, device="meta")
    with pytest.raises(ValueError, match="visible must be on cpu like joints, got meta"):
        lp.gaussian_targets(joints, meta, (6, 8))
    with pytest.raises(ValueError, match="target must be on cpu like output, got meta"):
        lp.joints_mse_loss(maps(), maps().to("meta"))
    with pytest.raises(ValueError, match="valid must be on cpu like pred, got meta"):
        lp.pck(joints, joints, meta, 1.0)


def test_nested_tensors_are_refused():
    with pytest.raises(TypeError, match="heatmaps must be a dense tensor, got nested"):
        lp.decode_heatmaps(torch.nested.nested_tensor([maps()[0]], layout=torch.jagged))


def test_an_array_view_with_negative_strides():
    array = maps().numpy()
    flipped = array[:, ::-1, ::-1, ::-1]
    np.testing.assert_array_equal(
        lp.decode_heatmaps(flipped)[0], lp.decode_heatmaps(flipped.copy())[0]
    )


def test_a_subclass_with_a_dispatch_of_its_own_is_honoured():
    class Logging(torch.Tensor):
        seen: list[str] = []  # noqa: RUF012

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            cls.seen.append(str(function))
            return super().__torch_function__(function, types, args, kwargs or {})

    lp.decode_heatmaps(maps().as_subclass(Logging))
    assert any("decode_heatmaps" in name for name in Logging.seen)


@pytest.mark.parametrize("first", ["torch", "lowerpose_ops"])
def test_data_loader_workers(first, tmp_path):
    """Targets are drawn in workers whichever library came first, after a parallel region."""
    script = tmp_path / "main.py"
    script.write_text(
        f"import {first}\n"
        "import numpy as np, torch, lowerpose_ops as lp\n"
        "JOINTS = np.random.default_rng(0).uniform(0, 48, (16, 6, 2))\n"
        "class Data(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 16\n"
        "    def __getitem__(self, i):\n"
        "        array, _ = lp.gaussian_targets(JOINTS[i], np.ones(6), (48, 64))\n"
        "        joints = torch.tensor(JOINTS[i])\n"
        "        tensor, _ = lp.gaussian_targets(joints, torch.ones(6), (48, 64))\n"
        "        assert (tensor.numpy() == array).all()\n"
        "        return array\n"
        "if __name__ == '__main__':\n"
        "    whole, _ = lp.gaussian_targets(JOINTS, np.ones((16, 6)), (48, 64))\n"
        "    for method in 'fork', 'spawn':\n"
        "        loader = torch.utils.data.DataLoader(Data(), 4, num_workers=2,\n"
        "            multiprocessing_context=method, timeout=100)\n"
        "        batches = torch.cat(list(loader)).numpy()\n"
        "        print(method, (batches == whole).all())\n"
    )
    finished = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=200, check=False
    )
    assert finished.stdout.splitlines() == ["fork True", "spawn True"], finished.stderr


def test_many_python_threads_at_once():
    from concurrent.futures import ThreadPoolExecutor

    expected, _ = lp.decode_heatmaps(maps())
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: lp.decode_heatmaps(maps())[0], range(64)))
    assert all(torch.equal(result, expected) for result in results)
