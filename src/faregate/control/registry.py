"""All operations of the management API."""

from importlib import import_module
from pkgutil import iter_modules

from faregate.control import routes as package
from faregate.control.operations import Routes


def all_routes() -> list[Routes]:
    """The groups of all files in `control/routes`, by their names."""
    names = sorted(module.name for module in iter_modules(package.__path__))
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return [module.routes for module in modules]
