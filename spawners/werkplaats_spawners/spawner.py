"""The only Spawner: batchspawner's SlurmSpawner, with its doors closed.

What comes from the base class is its life cycle and its state. What a server may be is decided by
:mod:`~werkplaats_spawners.request` and :mod:`~werkplaats_spawners.policy`, submission goes through
:mod:`~werkplaats_spawners.launch`, and what became of a job is asked of
:mod:`~werkplaats_spawners.cluster`. No command line, template or regular expression of the base
class is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, cast

from batchspawner import JobStatus, SlurmSpawner
from jupyterhub.spawner import SpawnException
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Float, Integer
from traitlets import Instance as InstanceTrait

from werkplaats_spawners import meter, registration, shares
from werkplaats_spawners.cluster import Unreachable, Verdict
from werkplaats_spawners.ending import Ending, commit, ending_in, keep_ending, learn_ending
from werkplaats_spawners.front import Front
from werkplaats_spawners.language import current
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.launch.client import Launch, LaunchFailed
from werkplaats_spawners.policy import Granted, decide
from werkplaats_spawners.refusals import accept, exception
from werkplaats_spawners.request import from_fields, from_options
from werkplaats_spawners.sentences import last_words, nothing_known, submission_refused
from werkplaats_spawners.slurm import Phase, Trouble
from werkplaats_spawners.standing import Standing

registration.claim_route()
meter.claim_route()

#: A port that only root could hold.
_NOWHERE: Final = "http://127.0.0.1:1"

_STATUS: Final = {
    Phase.PENDING: JobStatus.PENDING,
    Phase.RUNNING: JobStatus.RUNNING,
    # Its server is being ended: whoever takes its port next must not be routed to.
    Phase.ENDING: JobStatus.NOTFOUND,
    Phase.GONE: JobStatus.NOTFOUND,
    Phase.UNKNOWN: JobStatus.UNKNOWN,
}


class WerkplaatsSpawner(Front, SlurmSpawner):  # type: ignore[misc]  # batchspawner has no annotations
    """A person's notebook server, as a job of Slurm."""

    launch = InstanceTrait(Launch, help="How to act as a person.").tag(config=True)

    # A job may wait for hours; the person sees why, and can stop it.
    start_timeout = Integer(24 * 3600).tag(config=True)
    #: How often a starting server's job is looked at, seconds (one snapshot serves all).
    watch_interval = Float(0.5).tag(config=True)

    _granted: Granted | None = None
    _submitted: float = 0.0
    _port_known: asyncio.Event | None = None
    _submission: asyncio.Future[None] | None = None
    _looking: asyncio.Future[None] | None = None
    _taken_over: bool = False
    _route: asyncio.Future[None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.apply_user_options = _later
        self.options_form = type(self)._start_page
        self.options_from_form = self._options_of_form

    # -- what is asked ---------------------------------------------------------------------------

    def _options_of_form(self, fields: dict[str, list[str]]) -> dict[str, object]:
        fields.pop("_xsrf", None)
        return accept(from_fields(fields)).model_dump(exclude_unset=True)

    def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, object]:
        """Refuse: a link opens the start page, and only its button starts something."""
        raise SpawnException(
            _("A link does not start a server. Use the button on the start page."), reason="link"
        )

    async def _standing(self, max_age: float) -> Standing:
        """Return how the person stands, by Slurm's own numbers of at most `max_age` seconds ago.

        Raises
        ------
        Unreachable
            When Slurm cannot be asked, or their account is not made yet.
        """
        await self._settle_in()
        return self.standing_in(await self.cluster.certain_view(max_age))

    async def run_pre_spawn_hook(self) -> None:
        """Judge the raw options of whichever door they came through; they go no further.

        Here and not in ``apply_user_options``, whose refusals JupyterHub logs as its own failures.
        """
        self._granted = None
        shares.let_go(self.orm_spawner)  # whoever looked along in the last server does not in this one
        try:
            self._granted = await self._grant(self.user_options)
        except SpawnException:
            # JupyterHub keeps options for the next start; refused ones must not come back.
            self.user_options: dict[str, object] = {}
            self.orm_spawner.user_options = {}
            self._keep()
            raise

    async def _grant(self, options: Any, max_age: float = 0.5) -> Granted:
        request = accept(from_options(options))
        try:
            standing = await self._standing(max_age)
        except Unreachable as wrong:
            raise exception(nothing_known(wrong)) from wrong
        return accept(decide(request, self.offer, standing))

    # -- the life of the job ---------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Submit the job; return its address and port once the server has told its port.

        Raises
        ------
        SpawnException
            When it cannot be submitted, or ends before it is ready; with a sentence.
        """
        self.port = 0
        self._verdict = Verdict(Phase.PENDING)
        self._port_known = asyncio.Event()
        await self.submit_batch_script()
        return await self._watch(self._port_known)

    async def _watch(self, port_known: asyncio.Event) -> tuple[str, int]:
        """Look at the job until its node and its port are known.

        Raises
        ------
        SpawnException
            When it ends before that.
        """
        while not (port_known.is_set() and self._verdict.address):
            status = await self.query_job_status(max_age=self.watch_interval)
            if status is JobStatus.NOTFOUND:
                raise await self._died()
            await self._pause(port_known)
        self.log.info("Server of job %s is at %s:%s", self.job_id, self._verdict.address, self.port)
        return self._verdict.address, self.port

    async def get_url(self) -> str:
        """Return where the server is; JupyterHub asks after its own restart.

        A start that was under way goes on: its job kept its place in the queue.
        """
        self._taken_over = True
        if self._port_known is None:
            self._port_known = asyncio.Event()
        if self.port:
            self._port_known.set()
        try:
            address, port = await self._watch(self._port_known)
        except SpawnException:
            return _NOWHERE  # JupyterHub looks there in vain, and takes the server away
        return f"http://{address}:{port}"

    def start_polling(self) -> None:
        """Look after a server that is up; one that a Hub before this one started gets its route at once.

        JupyterHub would see to that at its next round of all routes, and a browser that is sent to the
        server before it reads an error.
        """
        super().start_polling()
        if self._taken_over:
            self._taken_over = False
            # In a moment: until then JupyterHub has it as pending, and the proxy takes no such server.
            self._route = asyncio.ensure_future(self.user.settings["proxy"].add_user(self.user, self.name))

    async def _pause(self, port_known: asyncio.Event) -> None:
        """Wait for the next look, or for the port, whichever comes first."""
        if port_known.is_set():
            await asyncio.sleep(self.watch_interval / 5)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(port_known.wait(), self.watch_interval)

    async def submit_batch_script(self) -> str:
        """Submit through *launch*, and keep the job's number at once."""
        granted = self._granted
        if granted is None:
            raise RuntimeError("a start that nobody judged")
        # Slurm may count the job from the second in which it got it.
        self._submitted = time.time()
        asked = self.launch.submit(
            self.user.name,
            flavour=granted.flavour.name,
            account=granted.account,
            qos=granted.qos,
            minutes=granted.minutes,
            environment=self._environment(granted),
        )
        # A stop in this very moment cancels the start, and the Hub's own end cancels everything; the
        # job is on its way all the same.
        self._submission = asyncio.ensure_future(self._hear(asked))
        try:
            await asyncio.shield(self._settle())
        except LaunchFailed as failed:
            self.log.error("Submission for %s failed: %s", self._log_name, failed)
            if failed.trouble is Trouble.OVER_LIMIT:
                await self._grant(self.user_options, max_age=0)  # something changed: say what
            raise exception(submission_refused(failed, granted)) from failed
        return str(self.job_id)

    async def _hear(self, asked: Coroutine[Any, Any, int]) -> None:
        """Keep the job's number as soon as it is told; a database that fails is no reason to lose it."""
        self.job_id = str(await asked)
        try:
            self._keep()
        except SQLAlchemyError:
            self.log.exception("The number of job %s could not be kept", self.job_id)
        self.log.info("Submitted job %s for %s", self.job_id, self._log_name)

    async def _settle(self) -> None:
        """Wait for a submission that is on its way."""
        submission = self._submission
        if submission is None:
            return
        try:
            await submission
        finally:
            if submission.done() and self._submission is submission:
                self._submission = None

    def _keep(self) -> None:
        """Commit the job's number now: JupyterHub itself does so only once the server is ready."""
        self.orm_spawner.state = self.get_state()
        commit(self.orm_spawner)

    def _environment(self, granted: Granted) -> dict[str, str]:
        """Return the variables that the Hub gives a server: its own, and none of the Hub's process."""
        given = {
            key: value
            for key, value in self.get_env().items()
            if key.startswith("JUPYTERHUB_") or key == "JPY_API_TOKEN"
        }
        return {**given, "WERKPLAATS_LANGUAGE": current(), "WERKPLAATS_OPEN": granted.notebook or ""}

    def register_port(self, port: int) -> bool:
        """Take the port that the job told, if this start does not know one yet."""
        if self._port_known is None or self._port_known.is_set():
            return False
        self.port = port
        self._port_known.set()
        self._keep()
        return True

    async def query_job_status(self, max_age: float = 5.0) -> JobStatus:
        """Return where the job stands, in batchspawner's terms; unknown is not *not found*."""
        if not self.job_id:
            return JobStatus.NOTFOUND
        self._verdict = await self.cluster.verdict(
            int(self.job_id), self.user.name, self._submitted, max_age=max_age
        )
        return _STATUS[self._verdict.phase]

    async def poll(self) -> int | None:
        """Return ``None`` unless there is evidence that the job is gone."""
        with contextlib.suppress(LaunchFailed):
            await self._settle()
        status = await self.query_job_status()
        if status is JobStatus.NOTFOUND:
            if self.job_id:
                self._note_the_end()
            self.clear_state()
            return 1
        return None

    async def poll_and_notify(self) -> int | None:
        """Take a server away whose job is gone, also one that nobody waits for any more.

        JupyterHub itself hears of it where a start went its whole way. One that was stopped in the moment
        in which its server came up is cancelled before that, and would stay in the books for ever: ready,
        with no job, and no button of its would end it.
        """
        if self.pending:
            return await self.poll()  # who starts or stops it sees to it
        nobody_hears = not self._callbacks
        status: int | None = await super().poll_and_notify()
        if status is not None and nobody_hears and self.server is not None:
            self.log.warning("Nobody waited for the end of %s; taking it away", self._log_name)
            await self.user.stop(self.name)
        return status

    @property
    def ending(self) -> Ending | None:
        """How the last job ended, until the next one is there."""
        return ending_in(self.orm_spawner)

    def _note_the_end(self) -> None:
        """Keep how a job ended that nobody stopped."""
        ending = Ending.of(self._verdict, time.time())
        keep_ending(self.orm_spawner, ending)
        if self._verdict.job and not ending.how:
            look = partial(self.cluster.ending, int(self.job_id), self.user.name, self._submitted)
            self._looking = asyncio.ensure_future(learn_ending(self.orm_spawner, look))

    async def stop(self, now: bool = False) -> None:
        """Cancel the job until Slurm shows that it ended; only then is it forgotten."""
        self.log.info("Stopping job %s of %s", self.job_id, self._log_name)
        pause = 0.2
        while self.job_id:
            await self.cancel_batch_job()
            if now or await self._ended(within=5.0):
                return
            pause = min(pause * 2, 30.0)
            await asyncio.sleep(pause)

    def run_post_stop_hook(self) -> Any:
        """Take back shares: JupyterHub calls this whenever a server ended, however that came."""
        shares.let_go(self.orm_spawner)
        return super().run_post_stop_hook()

    async def _ended(self, within: float) -> bool:
        """Look until the job is over, or the time is."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            await self.query_job_status(max_age=0.1)
            if self._verdict.phase in (Phase.ENDING, Phase.GONE):
                return True
            await asyncio.sleep(0.2)
        return False

    async def cancel_batch_job(self) -> None:
        """Ask Slurm to cancel. A failure is logged; :meth:`stop` asks again."""
        try:
            await self.launch.cancel(self.user.name, int(self.job_id))
        except LaunchFailed as failed:
            if failed.trouble is not Trouble.JOB_UNKNOWN:
                self.log.error("Cancelling job %s failed: %s", self.job_id, failed)

    async def _died(self) -> SpawnException:
        """Return the sentence for a job that ended before its server was ready."""
        try:
            lines = await self.launch.log(self.user.name, int(self.job_id))
        except LaunchFailed as failed:
            lines = [str(failed)]
        how = self._verdict.job.state if self._verdict.job else self._verdict.reason
        self.log.warning("Job %s of %s ended early: %s", self.job_id, self._log_name, how)
        self.clear_state()
        return SpawnException(last_words(how, lines), reason="died", status_code=500)

    # -- state and words -------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Add the time of submission to what is kept."""
        state = cast(dict[str, Any], super().get_state())
        state.pop("job_status", None)
        if self.job_id:
            # With the token a start that a restarted Hub finds can still tell its port, and a stop
            # can still revoke it. The database is the Hub's alone, as are the cookies' keys.
            state.update(submitted=self._submitted, port=self.port, api_token=self.api_token)
        elif self.ending:
            state["ending"] = self.ending.as_state()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`get_state` kept."""
        super().load_state(state)
        self._submitted = state.get("submitted", 0.0)
        self.port = state.get("port", 0)
        self.api_token = state.get("api_token", "")
        if self.job_id and not self.port:
            self._port_known = asyncio.Event()  # it may tell its port before anybody asks for it

    def clear_state(self) -> None:
        """Forget the job."""
        super().clear_state()
        self._submitted = 0.0
        self._port_known = None
        self._submission = None


def _later(spawner: WerkplaatsSpawner, options: object) -> None:
    """Apply nothing: options are judged in :meth:`WerkplaatsSpawner.run_pre_spawn_hook`."""
