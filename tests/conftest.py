"""What every test shares."""

from __future__ import annotations

from hypothesis import settings

# The machines that run this are shared: how long an example took says nothing about the code.
settings.register_profile("inhouse", deadline=None)
settings.load_profile("inhouse")
