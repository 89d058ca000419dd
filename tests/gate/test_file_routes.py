"""Each address has its methods, and refuses in its own dialect."""

from faregate.gate.file_routes import BATCH_PATHS, FILE_PATHS, file_routes
from faregate.gate.phases import Phase, PhasedStep


def _identify(_call: object) -> None:
    return None


IDENTIFY = PhasedStep(Phase.IDENTIFY, _identify, needs_body=False)


def test_every_plan_identifies_before_it_reads() -> None:
    exact, below = file_routes(IDENTIFY, with_batches=True)
    assert set(exact) == {b"/v1/files", b"/v1/batches", b"/v1/messages/batches"}
    assert set(below) == {path + b"/" for path in exact}
    for methods in (*exact.values(), *below.values()):
        for method, plan in methods.items():
            if method != b"OPTIONS":
                assert plan.head_steps == (_identify,)
                assert plan.route in (*FILE_PATHS, *BATCH_PATHS)


def test_refusals_have_their_dialect() -> None:
    exact, _ = file_routes(IDENTIFY, with_batches=True)
    renderers = {path: methods[b"GET"].refusals for path, methods in exact.items()}
    assert renderers[b"/v1/files"] is renderers[b"/v1/batches"]
    assert renderers[b"/v1/messages/batches"] is not renderers[b"/v1/batches"]


def test_without_batches_there_are_files() -> None:
    exact, below = file_routes(IDENTIFY, with_batches=False)
    assert (set(exact), set(below)) == ({b"/v1/files"}, {b"/v1/files/"})
