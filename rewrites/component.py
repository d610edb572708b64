"""A Python as a component. What its driver and its workload import has to be there when it is made:
at run time there is no standard library."""

import gc  # noqa: F401
import importlib.machinery  # noqa: F401
import io  # noqa: F401
import pathlib  # noqa: F401
import random  # noqa: F401
import threading  # noqa: F401
import time  # noqa: F401
import traceback  # noqa: F401
import warnings  # noqa: F401

import driver
import wit_world
import workload  # noqa: F401


class WitWorld(wit_world.WitWorld):
    def serve(self):
        driver.serve(wit_world.call)
