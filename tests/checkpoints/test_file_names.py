"""Which model a file's name is taken to speak of."""

from __future__ import annotations

import pytest

from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints.file_names import models_named
from scripts.settings import ROOT

MODELS = load_catalogue(ROOT / "models.json")
OF_CK = [name for name in MODELS if name.endswith("CK+48")]
OF_FER = [name for name in MODELS if name.endswith("FER2013")]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("ResNet50_RAF-DB_best.pth", ["ResNet50_RAF-DB"]),
        ("resnet50_raf-db_best.pt", ["ResNet50_RAF-DB"]),
        ("ResNet50_RAF-DB.pt", ["ResNet50_RAF-DB"]),
        ("ResNet50_RAF-DB_best (1).pt", ["ResNet50_RAF-DB"]),
        ("Copy of ResNet50_RAF-DB_best.pt", ["ResNet50_RAF-DB"]),
        ("resnet-50 RAFDB epoch 37.ckpt", ["ResNet50_RAF-DB"]),
        ("RAF-DB/ResNet50/best.pt", ["ResNet50_RAF-DB"]),
        ("vgg19_raf.pth.tar", ["VGG19_RAF-DB"]),
        ("MobileNetV2_CK%2B48_best.pt", ["MobileNetV2_CK+48"]),
        ("MobileNetV2_CK%252B48_best.pt", ["MobileNetV2_CK+48"]),
        ("MobileNetV2_CK 48_best.pt", ["MobileNetV2_CK+48"]),
        ("MobileNetV2_CKplus48_best.pt", ["MobileNetV2_CK+48"]),
        ("mobilenet_v2_ck+.pt", ["MobileNetV2_CK+48"]),
        ("CK48-mobilenetv2.safetensors", ["MobileNetV2_CK+48"]),
        ("RAF-DB/ResNet50_RAF-DB_best.pth", ["ResNet50_RAF-DB"]),
        ("ResNet50_FER2013_RAF-DB_best.pt", ["ResNet50_FER2013", "ResNet50_RAF-DB"]),
        ("fer2013_then_ck/VGG19_CK+48_best.pt", ["VGG19_FER2013", "VGG19_CK+48"]),
        ("fer2013/best_model.pth", OF_FER),
        ("ck48.pt", OF_CK),
        ("resnet50.pt", []),
        ("resnet18_fer2013.pt", OF_FER),
        ("resnet50_affectnet.pt", []),
        ("ResNet50_FER2013plus_best.pt", []),
        ("ResNet50_FER+_best.pt", []),
        ("ResNet50_FER20130.pt", []),
        ("transfer_resnet50.pt", []),
        ("best.pt", []),
    ],
)
def test_a_name_is_understood_however_it_is_spelt(path: str, names: list[str]) -> None:
    assert [model.name for model in models_named(path, MODELS.values())] == names


def test_the_longer_of_two_names_is_meant() -> None:
    models = [Model(name, "VGG19", "x", ("a",)) for name in ("Mini", "Mini_v2", "Mini_B", "Mini_B+")]
    for path, name in (
        ("mini_v2.pt", "Mini_v2"),
        ("mini.pt", "Mini"),
        ("mini-b+.pth", "Mini_B+"),
        ("mini_b.pth", "Mini_B"),
    ):
        assert [model.name for model in models_named(path, models)] == [name]
