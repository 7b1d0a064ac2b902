"""The engine of one process: threads of its own, no queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aggregator.ports import Runner


class LocalDispatcher:
    """Dispatcher (aggregator.ports): runs at once what is asked for, each line in a thread."""

    def __init__(self, lines: int) -> None:
        self._threads = ThreadPoolExecutor(lines, thread_name_prefix="line")
        self._runner: Runner | None = None

    def begin(self, runner: Runner) -> None:
        """See Dispatcher.begin."""
        self._runner = runner

    def leads(self) -> bool:
        """See Dispatcher.leads: there is nobody else."""
        return True

    def ask(self, line: str) -> bool:
        """See Dispatcher.ask: False when the line is at work or rests."""
        runner = self._runner
        if runner is None or not runner.begin(line):
            return False
        try:
            self._threads.submit(runner.run, line)
        except RuntimeError:  # just now the process ends
            runner.rests(line)
        return True

    def stop(self) -> None:
        """See Dispatcher.stop."""
        self._threads.shutdown(wait=False)
