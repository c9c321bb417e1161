"""The search itself: Optuna asks, workers evaluate, a journal file keeps every answer.

One process writes the journal, so that any kill leaves a whole file; what was under way then is evaluated again first.
The sampler draws from a generator that is seeded by the search's seed and the trial's number, not by the process's
history: with one job a search that was killed ends like one that was not.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from toolchain.errors import UserError
from toolchain.progress import Progress
from toolchain.search.objective import LIMITS, Choice, Outcome, Problem, evaluate

_NAME = "mcuforge"
_CONSTRAINTS = ("flash", "ram", "cycles", "drop")
_DIGEST, _FIRST, _SEED, _OUTCOME = "digest", "first", "seed", "outcome"


@dataclass(frozen=True)
class Tried:
    """A finished trial."""

    number: int
    choice: Choice
    outcome: Outcome


class _Alone(JournalFileOpenLock):
    """The process that holds the file's lock is the only one that writes."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return None


class Search:
    """A study of one problem in a journal file. Made by ``opened``."""

    def __init__(self, problem: Problem, study: optuna.Study, seed: int, first: Sequence[Choice], jobs: int) -> None:
        self.problem, self.study, self.seed, self.jobs = problem, study, seed, jobs
        self.first = list(first)
        self.space: dict[str, BaseDistribution] = {n: CategoricalDistribution(problem.formats) for n in problem.layers}

    def run(self, trials: int, executor: Executor, jobs: int, progress: Progress) -> None:
        """Go on until there are so many finished trials; ``jobs`` are under way at a time."""
        self.jobs = jobs
        done = len(self.finished())
        stale = [t for t in self.study.get_trials(deepcopy=False) if t.state == TrialState.RUNNING]
        with progress.step(f"Searching, {trials} trials", trials) as advance:
            advance(min(done, trials))
            open_trials: dict[Future[Outcome], Trial] = {}
            try:
                while True:
                    while len(open_trials) < jobs and done + len(open_trials) < trials:
                        trial = self._again(stale.pop(0)) if stale else self._ask()
                        known = self._known(trial)
                        if known is not None:
                            self._tell(trial, known)
                            done += 1
                            advance(1)
                            continue
                        open_trials[executor.submit(evaluate, self.problem, self._choice(trial.params))] = trial
                    if not open_trials:
                        return
                    for future in wait(open_trials, return_when=FIRST_COMPLETED).done:
                        trial = open_trials.pop(future)
                        outcome = future.result()
                        self._tell(trial, outcome)
                        done += 1
                        advance(1)
                        progress.info(f"trial {trial.number}: {_text(outcome)}")
            finally:
                for future in open_trials:
                    future.cancel()

    def finished(self) -> list[Tried]:
        """What has been evaluated, in the order of the trials."""
        return [
            Tried(t.number, self._choice(t.params), _outcome(t.user_attrs[_OUTCOME]))
            for t in self.study.get_trials(deepcopy=False)
            if t.state == TrialState.COMPLETE
        ]

    def _choice(self, params: dict[str, Any]) -> Choice:
        return tuple(str(params[layer]) for layer in self.problem.layers)

    def _known(self, trial: Trial) -> Outcome | None:
        """What is known of the trial's choice: it was tried before, or the kill came after the evaluation."""
        if _OUTCOME in trial.user_attrs:
            return _outcome(trial.user_attrs[_OUTCOME])
        choice = self._choice(trial.params)
        return next((t.outcome for t in self.finished() if t.choice == choice), None)

    def _ask(self) -> Trial:
        trials = self.study.get_trials(deepcopy=False)
        waiting = [t for t in trials if t.state == TrialState.WAITING]
        number = waiting[0].number if waiting else len(trials)
        if not waiting and number < len(self.first):
            self.study.enqueue_trial(dict(zip(self.problem.layers, self.first[number], strict=True)))
        self.study.sampler = self._sampler(number)
        return self.study.ask(self.space)

    def _again(self, frozen: FrozenTrial) -> Trial:
        """A trial that was under way when the search ended; what had not been drawn yet is drawn as it would have."""
        self.study.sampler = self._sampler(frozen.number)
        trial = Trial(self.study, frozen._trial_id)
        for layer in self.space:
            trial.suggest_categorical(layer, self.problem.formats)
        return trial

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(
            seed=(self.seed * 1_000_003 + number) % (1 << 32),
            n_startup_trials=max(len(self.first), 8),
            multivariate=True,
            constant_liar=self.jobs > 1,
        )

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if _OUTCOME not in trial.user_attrs:
            trial.set_user_attr(_OUTCOME, dataclasses.asdict(outcome))
        for name, part in zip(_CONSTRAINTS, outcome.excess, strict=True):
            trial.set_constraint(name, part)
        if outcome.refused:
            # Far behind whatever can run.
            self.study.tell(trial, [1e30, 1e30, 100.0])
        else:
            self.study.tell(trial, [outcome.cycles, float(outcome.flash), outcome.drop])


def _text(outcome: Outcome) -> str:
    if outcome.refused:
        return outcome.refused
    passed = [name for name, part in zip(LIMITS, outcome.excess, strict=True) if part > 0]
    kept = f"too much {', '.join(passed)}" if passed else "within the limits"
    return (
        f"{outcome.flash:,} B flash, {outcome.ram:,} B RAM, {outcome.cycles / 1e6:.3f} Mcycles, "
        f"drop {outcome.drop:+.2f}, {kept}"
    )


def _outcome(values: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**values, "excess": tuple(values["excess"])})


@contextmanager
def opened(
    problem: Problem, path: Path, seed: int, first: Callable[[], Sequence[Choice]]
) -> Iterator[tuple[Search, int]]:
    """The search in the journal at ``path``, which is made when absent, and how many trials it has already.

    ``first`` gives the choices to begin with, for a new one. Raises UserError when the file is another search's, is no
    journal, or is being written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with _locked(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="optuna")
        backend = JournalFileBackend(str(path), lock_obj=_Alone(str(path)))
        try:
            storage = JournalStorage(backend)
            if any(known.study_name == _NAME for known in optuna.get_all_study_summaries(storage)):
                study = optuna.load_study(study_name=_NAME, storage=storage)
            else:
                study = optuna.create_study(storage=storage, study_name=_NAME, directions=["minimize"] * 3)
            attrs = study.user_attrs
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise UserError(f"{path}: not the journal of a search", "Name another file: --study FILE") from e
        if _DIGEST not in attrs:
            # The digest last: without it, the rest is made anew.
            study.set_user_attr(_FIRST, json.dumps(list(first())))
            study.set_user_attr(_SEED, seed)
            study.set_user_attr(_DIGEST, problem.digest)
            attrs = study.user_attrs
        if (attrs[_DIGEST], attrs[_SEED]) != (problem.digest, seed):
            raise UserError(
                f"{path}: this study is of another model, target, budget, seed or other data",
                "Name another file (--study FILE), or remove it.",
            )
        choices = [tuple(choice) for choice in json.loads(attrs[_FIRST])]
        search = Search(problem, study, seed, choices, 1)
        yield search, len(search.finished())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
    except OSError as e:
        raise UserError(f"{path}: cannot be written: {e.strerror}", "Name another file: --study FILE") from e
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise UserError(f"{path}: another search is writing it", "Wait for it, or name another --study.") from e
        _drop_half_line(file)
        yield


def _drop_half_line(file: IO[bytes]) -> None:
    """A process that was killed while it wrote leaves a line without its end."""
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        file.truncate(whole)
        file.flush()
