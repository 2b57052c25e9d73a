import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Secret, type SecretArgs } from "../../components/secret.ts";
import { record } from "../mocks.ts";
import { generatedPassword, providerOutputs } from "../provider-outputs.ts";
import { described } from "../recorded.ts";

async function recordSecret(args?: () => SecretArgs) {
  return described(await record(() => new Secret("shop-key", args?.()), { outputs: providerOutputs }));
}

const generated = {
  type: "random:index/randomPassword:RandomPassword",
  name: "shop-key-password",
  parent: "shop-key",
  inputs: { length: 32, special: false },
  options: { protect: true, additionalSecretOutputs: ["bcryptHash", "result"] },
};

describe("Secret", () => {
  it("is a protected, generated password, whose value is secret", async () => {
    assert.deepEqual(await recordSecret(), [
      {
        type: "slipway:index:Secret",
        name: "shop-key",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { value: { secret: generatedPassword("shop-key-password") } },
      },
      generated,
    ]);
  });

  it("has the length that was asked for", async () => {
    const [, password] = await recordSecret(() => ({ length: 64 }));
    assert.deepEqual(password, { ...generated, inputs: { length: 64, special: false } });
  });

  it("is the given value, which becomes secret, and keeps the generated one", async () => {
    const [secret, password] = await recordSecret(() => ({ given: pulumi.output("chosen") }));
    assert.deepEqual(secret?.outputs, { value: { secret: "chosen" } });
    assert.deepEqual(password, generated);
  });
});
