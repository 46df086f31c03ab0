"""The compiler of mapping files: one partner's document into one canonical document, or back. Pure."""

from crossdock.mapping.compiled import CompiledMapping, MappingResult, compile_mapping
from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError, MappingError, MappingFault
from crossdock.mapping.rules import PureFunction

__all__ = [
    "CompiledMapping",
    "DefinitionProblem",
    "MappingDefinitionError",
    "MappingError",
    "MappingFault",
    "MappingResult",
    "PureFunction",
    "compile_mapping",
]
