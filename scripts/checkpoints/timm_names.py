"""The networks of timm (https://github.com/huggingface/pytorch-image-models) that are torchvision's under other names.

Its ResNet50 has the same names, its ``mobilenetv2_100`` and ``vgg19`` have others. All others differ in more.
"""

from __future__ import annotations

import re

from scripts.checkpoints.networks import StateDict

# The parts of a block, and torchvision's names for them: with three convolutions, and with two (the first block).
_THREE = {"conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1", "conv_pwl": "2", "bn3": "3"}
_TWO = {"conv_dw": "0.0", "bn1": "0.1", "conv_pw": "1", "bn2": "2"}
_BLOCK = re.compile(r"blocks\.(\d+)\.(\d+)\.(\w+)\.(\w+)")
_VGG_HEAD = {"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3", "head.fc": "classifier.6"}
_OWN = re.compile(r"(conv_stem|conv_head|pre_logits|patch_embed|stem|stages|blocks)\.")


def has_own_names(state_dict: StateDict) -> bool:
    """Whether some of the names are timm's and not torchvision's."""
    return any(_OWN.match(key) for key in state_dict)


def converted(state_dict: StateDict) -> tuple[StateDict, list[str]]:
    """Give the tensors torchvision's names and shapes where they are timm's MobileNetV2 or VGG19; a note says so."""
    if "conv_stem.weight" in state_dict and "blocks.0.0.conv_dw.weight" in state_dict:
        return _mobilenet(state_dict), ["names converted from timm's mobilenetv2_100"]
    if "pre_logits.fc1.weight" in state_dict and "features.0.weight" in state_dict:
        return _vgg(state_dict), ["names converted from timm's vgg19"]
    return state_dict, []


def _mobilenet(state_dict: StateDict) -> StateDict:
    blocks = sorted({(int(found[1]), int(found[2])) for key in state_dict if (found := _BLOCK.fullmatch(key))})
    last = len(blocks) + 1
    outside = {"conv_stem": "features.0.0", "bn1": "features.0.1", "conv_head": f"features.{last}.0"}
    outside |= {"bn2": f"features.{last}.1", "classifier": "classifier.1"}
    result: StateDict = {}
    for key, tensor in state_dict.items():
        place, _, kind = key.rpartition(".")
        found = _BLOCK.fullmatch(key)
        if found:
            number = blocks.index((int(found[1]), int(found[2]))) + 1
            part = (_TWO if number == 1 else _THREE).get(found[3])
            result[f"features.{number}.conv.{part}.{kind}" if part else key] = tensor
        else:
            result[f"{outside[place]}.{kind}" if place in outside else key] = tensor
    return result


def _vgg(state_dict: StateDict) -> StateDict:
    """timm's fully connected layers are convolutions over the whole map: the same numbers in the same order."""
    result: StateDict = {}
    for key, tensor in state_dict.items():
        place, _, kind = key.rpartition(".")
        name = f"{_VGG_HEAD[place]}.{kind}" if place in _VGG_HEAD else key
        result[name] = tensor.flatten(1) if name != key and kind == "weight" and tensor.dim() == 4 else tensor
    return result
