"""TorchServe's handler: a batch of image files in, the API's JSON answers out."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import image_fast
import instruction_sets
import numpy as np
import numpy.typing as npt
from abandoned import abandoned
from cpus import available_cpus
from decoding_options import decoding_options
from engine import load_engine
from face_answers import ClassifiedFaces, Prepared, Result, Row, faces_answer, images_of, is_usable, with_rows
from face_finder import FaceFinder
from face_image import read_face
from face_request import HEADER as FACES_HEADER
from face_request import read_wish
from image_base64 import CONTENT_TYPE as BASE64
from image_base64 import read_base64
from image_budget import MemoryBudget
from image_error import ImageError
from raw_pixels import HEADER as TYPE_HEADER
from raw_pixels import READERS
from trace_export import REQUEST_ID_HEADER, TRACE_HEADER, Tracing, load_tracing, trace_id
from worker_metrics import BatchReport

logger = logging.getLogger(__name__)


class EmotionHandler:
    """Answers for one model. Each image of a batch succeeds or fails on its own, with its own HTTP status.

    TorchServe finds the class by being the only one in this module, and calls ``initialize`` once and ``handle``
    for each batch, from one thread.
    """

    # The names under which TorchServe passes an image: a raw body, a form's file, TorchServe's own examples.
    IMAGE_FIELDS = ("body", "file", "data")
    # Images that are computed at once: eight requests may have eighty faces.
    MAX_BATCH = 32

    def initialize(self, context: Any) -> None:
        """Read ``model.json``, load the network, start the decoding threads.

        Raises EngineError or ValueError with the reason; TorchServe then reports the worker as failed.
        """
        model_dir = Path(context.system_properties["model_dir"])
        self._set_log_level()
        self.description = json.loads((model_dir / "model.json").read_text(encoding="utf-8"))
        self.decoding = decoding_options(os.environ, fast=self.description.get("preprocessing") == "fast")
        if self.decoding["fast"]:
            image_fast.require()
        self.budget = MemoryBudget(self.decoding["max_memory"])
        self.finder = FaceFinder(model_dir, self.description, os.environ)
        self.engine = load_engine(model_dir, self.description, context.system_properties.get("gpu_id"))
        self.tracing = load_tracing(os.environ)
        self.decoders = ThreadPoolExecutor(available_cpus(os.environ), thread_name_prefix="decoder")
        precision = self.description.get("precision", "f32")
        precision += ", fast preprocessing" if self.decoding["fast"] else ""
        logger.info("%s is loaded on %s, %s", self.description["model"], self.engine.device, precision)
        if warning := instruction_sets.warning(self.description):
            logger.warning(warning)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[str]:
        """Answer a batch of requests with one JSON text each, and set their statuses in ``context``."""
        report = BatchReport(self.description["version"])
        self.budget.begin_batch()
        unwanted = abandoned(context, len(data))
        wanted = [index for index in range(len(data)) if index not in unwanted]
        wishes = [context.get_request_header(index, FACES_HEADER) for index in wanted]
        kinds = [context.get_request_header(index, TYPE_HEADER) for index in wanted]
        decoded = iter(self.preprocess([data[index] for index in wanted], wishes, kinds))
        report.decoded()
        results = self.inference([unwanted.get(index) or next(decoded) for index in range(len(data))])
        report.computed()
        report.send(context, results, self.description["emotions"], [self._field(request) for request in data])
        answers = self.postprocess(results, context)
        if self.tracing:
            self._trace(self.tracing, report, context, len(data))
        return answers

    def _trace(self, tracing: Tracing, report: BatchReport, context: Any, requests: int) -> None:
        stages = report.stages()
        about = {"model": self.description["model"], "version": self.description["version"], "batch": requests}
        for index in range(requests):
            headers = {name: context.get_request_header(index, name) for name in tracing.HEADERS}
            tracing.note(headers, {**about, "status": context.get_response_status(index)[0]}, stages)

    def preprocess(
        self, data: Sequence[Mapping[str, Any]], wishes: Sequence[str | None] = (), kinds: Sequence[str | None] = ()
    ) -> list[Prepared]:
        """Decode the images, or shrink the halves of a single one, in parallel: uint8 (224, 224, 3), or an error.

        ``wishes`` has the header of each request for faces; these become FoundFaces instead. ``kinds`` has their
        content types, by which pixels are told from files.
        """
        wishes = wishes or [None] * len(data)
        kinds = kinds or [None] * len(data)
        if len(data) == 1:
            return [self._decode(data[0], wishes[0], kinds[0], self.decoders)]
        return list(self.decoders.map(self._decode, data, wishes, kinds))

    def inference(self, prepared: Sequence[Prepared]) -> list[Result]:
        """Compute all images and faces that could be decoded together: float32 (classes,) for each; errors stay."""
        images = images_of(prepared)
        try:
            return with_rows(prepared, iter(self._rows(images)))
        except Exception:
            logger.exception("%s cannot compute a batch of %d", self.description["model"], len(images))
            return [item if isinstance(item, ImageError) else self._internal_error() for item in prepared]

    def _rows(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Row]:
        parts = [images[start : start + self.MAX_BATCH] for start in range(0, len(images), self.MAX_BATCH)]
        return [row for part in parts for row in self.engine.infer(np.stack(part))]

    def postprocess(self, results: Sequence[Result], context: Any) -> list[str]:
        """Write the API's JSON for each result and set its HTTP status and content type."""
        answers = []
        for index, result in enumerate(results):
            if not isinstance(result, ImageError) and not is_usable(result):
                logger.error("%s answers %s", self.description["model"], result)
                result = self._internal_error()
            if isinstance(result, ImageError):
                request_id = context.get_request_header(index, REQUEST_ID_HEADER)
                trace = trace_id(context.get_request_header(index, TRACE_HEADER))
                told = (request_id, result.status, result.kind, trace and f", trace {trace}")
                logger.info("request %s is answered with %d: %s%s", *told)
                context.set_response_status(result.status, HTTPStatus(result.status).phrase, index)
                answer: dict[str, Any] = {"success": False, "error": str(result)}
            elif isinstance(result, ClassifiedFaces):
                answer = faces_answer(result, self.description, self._predicted)
            else:
                answer = self._prediction(result)
            context.set_response_content_type(index, "application/json")
            answers.append(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
        return answers

    def _decode(
        self,
        request: Mapping[str, Any],
        wish_header: str | None = None,
        kind: str | None = None,
        helper: Executor | None = None,
    ) -> Prepared:
        data = self._field(request)
        try:
            content = data if isinstance(data, (bytes, bytearray)) else str(data).encode()
            if read_pixels := READERS.get(kind):
                return read_pixels(content)
            if kind == BASE64:
                content = read_base64(content)
            if wish := read_wish(wish_header):
                return self.finder.find(content, wish, self.decoding, self.budget)
            return read_face(content, helper=helper, budget=self.budget, **self.decoding)
        except ImageError as error:
            # Without its traceback, which would hold the decoded pixels until the whole batch is answered.
            return ImageError(error.kind, error.status, str(error))
        except Exception:
            logger.exception("%s cannot decode an image", self.description["model"])
            return self._internal_error()

    def _field(self, request: Mapping[str, Any]) -> Any:
        """The file of a request: bytes, unless the client let TorchServe decode it."""
        return next((request[field] for field in self.IMAGE_FIELDS if field in request), b"")

    def _prediction(self, probabilities: Row) -> dict[str, Any]:
        return {
            "success": True,
            "model": self.description["model"],
            **self._predicted(probabilities),
            "version": self.description["version"],
            **({"stand_in": True} if self.description.get("stand_in") else {}),
        }

    def _predicted(self, probabilities: Row) -> dict[str, Any]:
        ranked = sorted(zip(self.description["emotions"], probabilities.tolist(), strict=True), key=lambda p: -p[1])
        predictions = {label: round(probability, 6) for label, probability in ranked}
        top_emotion = ranked[0][0]
        return {"predictions": predictions, "top_emotion": top_emotion, "confidence": predictions[top_emotion]}

    def _internal_error(self) -> ImageError:
        name = self.description["model"]
        return ImageError("internal", 500, f"{name} failed on this image; try again, or look into the server's log.")

    @staticmethod
    def _set_log_level() -> None:
        """LOG_LEVEL for the handler's own modules; TorchServe lets every library log from INFO on."""
        level = os.environ.get("LOG_LEVEL", "info").upper()
        for name in (__name__, "face_image"):
            logging.getLogger(name).setLevel(level)
