import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";

import { loadSettings } from "../../settings/load.ts";
import { stackFields } from "../../settings/schema.ts";
import { groupNames, secretNames } from "../../settings/systems.ts";

const secret = "p@ss/w:rd%'\"$\\ é";

function configure(values: Record<string, unknown>, secretKeys: string[] = []): void {
  const texts = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>, secretKeys);
}

async function resolved<T>(output: pulumi.Output<T> | undefined): Promise<{ value: T; isSecret: boolean } | undefined> {
  if (output === undefined) return undefined;
  const isSecret = await pulumi.isSecret(output);
  return await new Promise((resolve) => {
    output.apply((value) => {
      resolve({ value, isSecret });
    });
  });
}

describe("loadSettings", () => {
  before(async () => {
    await pulumi.runtime.setMocks(
      {
        newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }),
        call: ({ inputs }) => inputs as object,
      },
      "slipway",
      "dev",
    );
  });
  afterEach(() => {
    configure({});
  });

  it("reads the namespace slipway only", () => {
    configure({ "slipway:camcops": { hostPort: 8443 }, "docker:host": "tcp://elsewhere:2375" });
    const { settings } = loadSettings();
    assert.equal(settings.host, "unix:///var/run/docker.sock");
    assert.equal(settings.camcops?.hostPort, 8443);
  });

  it("reads each group, which Pulumi hands over as JSON, or as an empty text when all in it is commented out", () => {
    const groups = Object.entries(stackFields().properties ?? {}).flatMap(([key, { type }]) =>
      type === "object" && !secretNames.has(key) ? [key] : [],
    );
    assert.ok(groups.includes("camcops"));
    assert.deepEqual(
      groups.filter((key) => !groupNames.has(key)),
      [],
    );
    configure({ "slipway:camcops": "", "slipway:upgrade": { migrate: "by-hand" } });
    const { settings } = loadSettings();
    assert.deepEqual([settings.camcops?.name, settings.upgrade], ["camcops", { migrate: "by-hand" }]);
  });

  it("hands secrets over as secret outputs, and none that the user did not choose", async () => {
    const config = { site: { EMAIL_HOST_PASSWORD: secret } };
    configure(
      { "slipway:camcops": {}, "slipway:camcopsSuperuserPassword": secret, "slipway:camcopsSecretConfig": config },
      ["slipway:camcopsSuperuserPassword", "slipway:camcopsSecretConfig"],
    );
    const { settings, secrets } = loadSettings();
    assert.deepEqual(Object.keys(secrets).sort(), ["camcopsSecretConfig", "camcopsSuperuserPassword"]);
    assert.deepEqual(await resolved(secrets.camcopsSuperuserPassword), { value: secret, isSecret: true });
    assert.deepEqual(await resolved(secrets.camcopsSecretConfig), { value: config, isSecret: true });
    assert.ok(!JSON.stringify(settings).includes("ss/w:rd"));
  });

  it("throws what Pulumi prints without a stack trace, with every problem and without secrets", () => {
    configure({ "slipway:camcops": { hostPort: 0 }, "slipway:camcopsFlowerPassword": secret, "slipway:hots": "x" });
    assert.throws(loadSettings, (error) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /^The settings of the stack "dev" have 3 problems\./);
      assert.match(error.message, /^camcopsFlowerPassword: must be encrypted/m);
      assert.match(error.message, /^camcops\.hostPort: must be/m);
      assert.match(error.message, /^hots: must not be set/m);
      assert.ok(!error.message.includes(secret));
      return true;
    });
  });
});
