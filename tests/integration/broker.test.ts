import assert from "node:assert/strict";
import { exec } from "./support/docker.ts";
import { Deployment } from "./support/deployment.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const queue = 'rabbit_misc:r(<<"/">>, queue, <<"kept">>)';

/** The properties of a message that outlives the broker's end: the fourth of fourteen, the delivery mode, is 2. */
const persistent = `{'P_basic', undefined, undefined, undefined, 2, ${Array(10).fill("undefined").join(", ")}}`;

/** Calls of RabbitMQ 3.10's own modules, as there is no client for AMQP in its image. */
const expressions = {
  declare: `{new, _} = rabbit_amqqueue:declare(${queue}, true, false, [], none, <<"test">>), ok.`,
  publish: `rabbit_basic:publish(rabbit_misc:r(<<"/">>, exchange, <<>>), <<"kept">>, ${persistent}, <<"a message">>).`,
  take:
    `{ok, Q} = rabbit_amqqueue:lookup(${queue}), ` +
    '{ok, _, {_, _, _, _, M}, _} = rabbit_amqqueue:basic_get(Q, true, none, <<"test">>, rabbit_queue_type:init()), ' +
    "{_, Text} = rabbit_basic:from_content(element(4, M)), Text.",
};

describe("a deployed message broker", () => {
  let sandbox: Sandbox;
  let deployment: Deployment;

  async function evaluate(expression: string): Promise<string> {
    const result = await exec(`${deployment.name}-rabbitmq`, ["rabbitmqctl", "--quiet", "eval", expression]);
    return assertExit(result, 0).stdout.trim();
  }

  before(async () => {
    sandbox = new Sandbox({ program: "tests/fixtures/broker/index.ts" });
    deployment = new Deployment(sandbox);
    await deployment.up();
  });

  after(() => sandbox.remove());

  it("ends cleanly when its container is replaced, and its queues are there again", async () => {
    assert.equal(await evaluate(expressions.declare), "ok");
    assert.equal(await evaluate(expressions.publish), "ok");
    const before = await deployment.containers();
    const log = sandbox.start("docker", ["logs", "--follow", `${deployment.name}-rabbitmq`]);

    deployment.set({ timeZone: "Europe/London" });
    await deployment.up();

    assert.deepEqual(await deployment.replacedSince(before), ["rabbitmq"]);
    const { stdout, stderr } = await log.ended;
    assert.match(stdout + stderr, /SIGTERM received - shutting down[^]*Message store for directory .* is stopped/);
    assert.equal(await evaluate(expressions.take), '<<"a message">>');
    await deployment.expectNoChanges();
  });
});
