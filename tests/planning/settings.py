"""The model sizes and the recipe that the tests of planning start from."""

from __future__ import annotations

from inhouse.planning.shapes import PUBLIC_SHAPES
from tests.recipes import plain_recipe

LLAMA_2_7B = PUBLIC_SHAPES["llama-2-7b"]
SMOLLM2_135M = PUBLIC_SHAPES["smollm2-135m"]
RECIPE = plain_recipe(targets=("q_proj", "v_proj"), dropout=0.05)
