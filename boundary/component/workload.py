"""What is in place of a workload when a component for the lab is made: what those of boundary/ import,
as at run time there is no standard library, and what is around the component under the lab's name."""

import array  # noqa: F401
import collections  # noqa: F401
import json  # noqa: F401
import pickle  # noqa: F401
import struct  # noqa: F401
import sys
import tomllib  # noqa: F401

from wit_world.imports import lab

sys.modules["wasmfit_lab"] = lab
