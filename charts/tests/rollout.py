"""files/rollout.sh against a Temporal of its own: two versions of a worker, and a run that is open all the while.

Needs the program `temporal` (TEMPORAL) and Temporal's SDK for Python, whose workers know versions.
"""

import asyncio
import json
import os
import subprocess
import sys

from temporalio import workflow
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../aroti/files/rollout.sh")
TEMPORAL = os.environ["TEMPORAL"]
DEPLOYMENT = "aroti-bookings"


@workflow.defn(name="open", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Open:
    """Ends when it is told to, and says by which version."""

    def __init__(self):
        self.over = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.over)
        return workflow.info().get_current_deployment_version().build_id

    @workflow.signal
    def end(self):
        self.over = True


async def main():
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=TEMPORAL, dev_server_log_level="error") as engine:
        address = engine.client.service_client.config.target_host

        async def rollout(*arguments, **more):
            environment = {
                **os.environ,
                "PATH": f"{os.path.dirname(TEMPORAL)}:{os.environ['PATH']}",
                "TEMPORAL_ADDRESS": address,
                "PAUSE_SECONDS": "0",
                "WAIT_SECONDS": "60",
                **more,
            }
            process = await asyncio.create_subprocess_exec("sh", SCRIPT, *arguments, env=environment, stdout=-1, stderr=-2)
            said = (await process.communicate())[0].decode()
            return process.returncode, said

        async def routing():
            command = [TEMPORAL, "worker", "deployment", "describe", "--name", DEPLOYMENT, "--address", address, "--output", "json"]
            found = json.loads(await asyncio.to_thread(subprocess.check_output, command))["routingConfig"]
            return found["currentVersionBuildID"], found["rampingVersionBuildID"]

        def worker(build):
            config = WorkerDeploymentConfig(version=WorkerDeploymentVersion(DEPLOYMENT, build), use_worker_versioning=True)
            runner = UnsandboxedWorkflowRunner()
            return Worker(engine.client, task_queue="bookings", workflows=[Open], workflow_runner=runner, deployment_config=config)

        async with worker("v1"):
            code, said = await rollout("forward", "v1")
            assert code == 0 and await routing() == ("v1", ""), said
            run = await engine.client.start_workflow("open", id="open", task_queue="bookings")

            code, said = await rollout("forward", "v2", WAIT_SECONDS="0")
            assert code == 1 and "no worker of v2 has asked" in said, said
            code, said = await rollout("back", "v2")
            assert code == 1 and "has no version v2" in said, said

            async with worker("v2"):
                code, said = await rollout("forward", "v2")
                assert code == 0 and await routing() == ("v2", ""), said
                assert [line for line in said.splitlines() if "%" in line] == [
                    "rollout: v2 has 10 % of the work; 0 s",
                    "rollout: v2 has 50 % of the work; 0 s",
                ], said
                code, said = await rollout("forward", "v2")
                assert code == 0 and "already" in said, said
                await run.signal("end")
                assert await run.result() == "v2", "an open run stays with the old version"

                code, said = await rollout("back", "v1")
                assert code == 0 and await routing() == ("v1", ""), said
                # Half of the way there, and back.
                command = ["worker", "deployment", "set-ramping-version", "--deployment-name", DEPLOYMENT, "--build-id", "v2"]
                command = [TEMPORAL, *command, "--percentage", "50", "--yes", "--address", address]
                await asyncio.to_thread(subprocess.check_output, command)
                assert await routing() == ("v1", "v2")
                code, said = await rollout("back", "v1")
                assert code == 0 and await routing() == ("v1", ""), said

                # A version that is not yet drained is said to be so.
                code, said = await rollout("drained", "v1", WAIT_SECONDS="0")
                assert code == 1 and "v1 is not drained" in said, said
    print("rollout: forward, back, and an open run that goes along")


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(), 120))
    # Not by way of the interpreter's own end, during which the SDK's threads may still call into it, and crash.
    sys.stdout.flush()
    os._exit(0)
