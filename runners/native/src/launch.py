"""Starts the native runner: python -c LAUNCH PATH_OF_THE_EXTENSION_MODULE."""

import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader

loader = ExtensionFileLoader("wasmfit_native", sys.argv.pop(1))
module = module_from_spec(spec_from_loader("wasmfit_native", loader))
loader.exec_module(module)
sys.exit(module.main())
