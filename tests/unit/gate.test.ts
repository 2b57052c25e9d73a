import assert from "node:assert/strict";
import { exitedWithZero, takeOver, lastLogLines, untilHealthy } from "../../components/gate.ts";
import { dockerStub, type Answer, type DockerStub, type Routes } from "../docker-stub.ts";

const inspect = "GET /containers/c1/json";
const logs = "GET /containers/c1/logs";
const stop = "POST /containers/c1/stop";
const logRequest = "GET /containers/c1/logs?stdout=true&stderr=true&tail=30";

async function withDocker(routes: Routes, test: (docker: DockerStub) => Promise<void>): Promise<void> {
  const docker = await dockerStub(routes);
  try {
    await test(docker);
  } finally {
    await docker.close();
  }
}

function state(own: Record<string, unknown>, restarts = 0): Answer {
  const usual = { Running: true, Restarting: false, ExitCode: 0 };
  return { body: { Config: { Tty: false }, RestartCount: restarts, State: { ...usual, ...own } } };
}

function health(status: string, ...results: { ExitCode: number; Output: string }[]) {
  return { Health: { Status: status, Log: results } };
}

/** A piece of a log as Docker sends it: stream, length, text. */
function piece(stream: 1 | 2, text: string | Buffer): Buffer {
  const content = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

const log: Answer = { body: Buffer.concat([piece(1, "one\n"), piece(2, "two\n")]) };
const shownLog = "Last log lines:\none\ntwo";
const remedy =
  "It does not run any more; the next deployment starts it again. Its whole log: ./slipway logs web --stack prod";
const gate = { service: "web", stack: "prod", timeoutSeconds: 60, pollMilliseconds: 1 };

describe("untilHealthy", () => {
  it("waits until Docker calls the container healthy", async () => {
    const answers = [state(health("starting")), state(health("starting")), state(health("healthy"))];
    await withDocker({ [inspect]: answers }, async ({ client, requests }) => {
      await untilHealthy(client, "c1", gate);
      assert.deepEqual(requests, [inspect, inspect, inspect]);
    });
  });

  it("fails as soon as the container is unhealthy, and stops it", async () => {
    const results = [
      { ExitCode: 1, Output: "first" },
      { ExitCode: 7, Output: " no answer \n" },
    ];
    const routes = { [inspect]: state(health("unhealthy", ...results)), [logs]: log, [stop]: { status: 204 } };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(untilHealthy(client, "c1", gate), {
        message: `web is unhealthy. ${remedy}\nHealth check (exit 7): no answer\n${shownLog}`,
      });
      assert.deepEqual(requests, [inspect, inspect, logRequest, stop]);
    });
  });

  it("fails when the time is up, and stops the container", async () => {
    const routes = { [inspect]: state(health("starting")), [logs]: log, [stop]: { status: 204 } };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(untilHealthy(client, "c1", { ...gate, timeoutSeconds: 0.02 }), {
        message: `web is not healthy after 0.02 s. ${remedy}\n${shownLog}`,
      });
      assert.equal(requests.at(-1), stop);
    });
  });

  it("fails at once when the container has ended for good; there is nothing to stop", async () => {
    const routes = { [inspect]: state({ Running: false, ExitCode: 3 }), [logs]: log };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(untilHealthy(client, "c1", gate), {
        message: `web exited with code 3. ${remedy}\n${shownLog}`,
      });
      assert.deepEqual(requests, [inspect, inspect, logRequest]);
    });
  });

  it("bears two exits, but not a third", async () => {
    const restarting = { Running: true, Restarting: true, ExitCode: 9 };
    const bears = [state(restarting, 1), state(health("starting"), 2), state(health("healthy"), 2)];
    await withDocker({ [inspect]: bears }, async ({ client }) => {
      await untilHealthy(client, "c1", gate);
    });
    // Of a container that runs once more, Docker gives 0 as its exit code.
    const ends = [state(restarting, 2), state(health("starting"), 3), state(restarting, 3)];
    const routes = { [inspect]: ends, [logs]: log, [stop]: { status: 204 } };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(untilHealthy(client, "c1", gate), {
        message: `web exited with code 9. ${remedy}\n${shownLog}`,
      });
      assert.equal(requests.at(-1), stop);
    });
  });

  it("does not take what Docker said of the former run of a restarting container", async () => {
    const answers = [state({ Restarting: true, ...health("unhealthy") }, 1), state(health("healthy"), 1)];
    await withDocker({ [inspect]: answers }, async ({ client }) => {
      await untilHealthy(client, "c1", gate);
    });
  });

  it("hands on an error of Docker", async () => {
    await withDocker({}, async ({ client }) => {
      await assert.rejects(untilHealthy(client, "c1", gate), { statusCode: 404 });
    });
  });
});

describe("exitedWithZero", () => {
  it("is content with exit code 0, and leaves the container", async () => {
    await withDocker({ [inspect]: state({ Running: false }) }, async ({ client, requests }) => {
      await exitedWithZero(client, "c1", "migrate");
      assert.deepEqual(requests, [inspect]);
    });
  });

  it("fails with code and log otherwise, and removes the container, but not its volumes", async () => {
    const routes = {
      [inspect]: state({ Running: false, ExitCode: 4 }),
      [logs]: log,
      "DELETE /containers/c1": { status: 204 },
    };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(exitedWithZero(client, "c1", "migrate"), {
        message:
          "The task migrate failed with exit code 4. What depends on it was not touched; the next deployment runs it " +
          `again.\n${shownLog}`,
      });
      assert.deepEqual(requests, [inspect, inspect, logRequest, "DELETE /containers/c1?v=false&force=true"]);
    });
  });

  it("does not take a process that still runs for a success", async () => {
    const routes = { [inspect]: state({}), [logs]: log, "DELETE /containers/c1": { status: 204 } };
    await withDocker(routes, async ({ client }) => {
      await assert.rejects(exitedWithZero(client, "c1", "migrate"), /^Error: The task migrate /);
    });
  });
});

describe("lastLogLines", () => {
  async function linesOf(tty: boolean, body: Buffer): Promise<string> {
    let lines = "";
    await withDocker({ [inspect]: { body: { Config: { Tty: tty } } }, [logs]: { body } }, async ({ client }) => {
      lines = await lastLogLines(client.getContainer("c1"));
    });
    return lines;
  }

  it("puts pieces together, also those that Docker has cut within a character", async () => {
    const text = Buffer.from("naïve\n");
    const [first, second] = [text.subarray(0, 3), text.subarray(3)];
    assert.equal(
      await linesOf(false, Buffer.concat([piece(1, first), piece(1, second), piece(2, "x\n\n")])),
      "naïve\nx",
    );
  });

  it("takes the log of a terminal as it is", async () => {
    assert.equal(await linesOf(true, Buffer.from("plain\r\n")), "plain");
  });

  it("is empty for a container that wrote nothing, of which errors say so", async () => {
    assert.equal(await linesOf(false, Buffer.alloc(0)), "");
    const routes = { [inspect]: state({ Running: false, ExitCode: 1 }), [logs]: { body: Buffer.alloc(0) } };
    await withDocker(routes, async ({ client }) => {
      await assert.rejects(untilHealthy(client, "c1", gate), /Last log lines:\n\(none\)$/);
    });
  });
});

describe("takeOver", () => {
  it("fails with what the command wrote unless its exit code is 0", async () => {
    const routes = {
      "POST /containers/c1/exec": { status: 201, body: { Id: "e1" } },
      "POST /exec/e1/start": { body: Buffer.from("no such folder\r\n") },
      "GET /exec/e1/json": { body: { ExitCode: 2 } },
    };
    await withDocker(routes, async ({ client }) => {
      await assert.rejects(takeOver(client, "c1", ["take", "over"], 0), {
        message: "take over ended with exit code 2: no such folder",
      });
    });
  });
});
