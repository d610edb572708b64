"""Serves digits-mlp-python by an asynchronous export: while one request waits, the instance serves
others."""

import wit_world
import workload

WAIT_MS = 100

# The workload's folder is among those of the app's modules; the second that was given.
MODEL = workload.load("/1/assets")


class WitWorld(wit_world.WitWorld):
    async def infer(self, request):
        image = workload.decode(request)
        await wit_world.wait(WAIT_MS)
        return workload.encode(workload.infer(MODEL, image))
