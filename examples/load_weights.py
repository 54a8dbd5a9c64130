"""Load the weights of a PyTorch network with nn.PReLU() and nn.PReLU(C), and run it in NumPy on fastlrelu.

With PyTorch installed, the network is made, run and saved there first, and its state dict is read from that file.
Without it, or with --stored, everything comes from load_weights.npz beside this program, which --write FILE makes anew.
The program exits with 1 if the outputs do not agree, or a gradient of the slopes does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastlrelu as fl

Arrays = dict[str, NDArray[Any]]
STORED = Path(__file__).with_suffix(".npz")


def from_torch() -> Arrays:
    """The state dict, by way of a file, with an input, its output, and the gradients of the sum of all outputs."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.PReLU(8), nn.Conv2d(8, 4, 1), nn.PReLU())
    with torch.no_grad():
        network[1].weight.uniform_(0.05, 0.4)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder, "network.pt"))
        state = torch.load(Path(folder, "network.pt"), weights_only=True)
    x = torch.randn(5, 3, 12, 10)
    y = network(x)
    y.sum().backward()
    return {
        **{name: value.numpy() for name, value in state.items()},
        "input": x.numpy(),
        "output": y.detach().numpy(),
        "gradient of 1.weight": network[1].weight.grad.numpy(),
        "gradient of 3.weight": network[3].weight.grad.numpy(),
    }


def convolution(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """With a kernel of one pixel: a matrix product over the channels."""
    y: NDArray[Any] = np.tensordot(weight[:, :, 0, 0], x, axes=(1, 1)).swapaxes(0, 1) + bias[:, None, None]
    return y


def run(state: Arrays) -> Arrays:
    """The network's output and the gradients of its slopes."""
    first = convolution(state["input"], state["0.weight"], state["0.bias"])
    # nn.PReLU(8) has a weight of shape (8,), one slope for each channel on axis 1.
    hidden = fl.prelu(first, state["1.weight"])
    second = convolution(hidden, state["2.weight"], state["2.bias"])
    # nn.PReLU() has a weight of shape (1,), one slope for all.
    output = fl.prelu(second, state["3.weight"])
    grad_second, grad_shared = fl.prelu_grad(np.ones_like(output), second, state["3.weight"])
    grad_hidden = convolution(grad_second, state["2.weight"].swapaxes(0, 1), np.zeros(8, np.float32))
    _, grad_channels = fl.prelu_grad(grad_hidden, first, state["1.weight"])
    return {"output": output, "gradient of 1.weight": grad_channels, "gradient of 3.weight": grad_shared}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", action="store_true", help=f"read {STORED.name} even if PyTorch is installed")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write what PyTorch says to FILE")
    arguments = parser.parse_args()
    if arguments.stored or find_spec("torch") is None:
        with np.load(STORED) as stored:
            state = dict(stored)
        print(f"weights: from {STORED.name}")
    else:
        state = from_torch()
        print("weights: a state dict of PyTorch")
    if arguments.write:
        np.savez_compressed(arguments.write, **state)
    different = 0
    for name, value in run(state).items():
        # The matrix products of two libraries add up in different orders.
        agrees = value.shape == state[name].shape and np.allclose(value, state[name], rtol=1e-4, atol=1e-5)
        different += not agrees
        print(f"{name}: {'agrees' if agrees else 'DIFFERENT'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
