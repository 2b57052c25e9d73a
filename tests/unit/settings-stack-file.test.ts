import assert from "node:assert/strict";

import { readStackFile } from "../../settings/stack-file.ts";

describe("readStackFile", () => {
  it("reads a stack's file as Pulumi would hand it over, with a word in place of what is encrypted", () => {
    const text = `
encryptionsalt: v1:x
config:
  docker:host: tcp://elsewhere
  slipway:imageRevision: 7
  slipway:camcops: { hostPort: 8443, config: { export: { RECIPIENTS: [a, b] } } }
  slipway:camcopsFlowerPassword: { secure: v1:abc }
  slipway:camcopsSecretConfig: { site: { EMAIL_HOST_PASSWORD: { secure: v1:def } } }
`;
    assert.deepEqual(readStackFile("dev", text), {
      stack: "dev",
      values: {
        imageRevision: "7",
        camcops: { hostPort: 8443, config: { export: { RECIPIENTS: ["a", "b"] } } },
        camcopsFlowerPassword: "(encrypted)",
        camcopsSecretConfig: { site: { EMAIL_HOST_PASSWORD: "(encrypted)" } },
      },
      encrypted: new Set(["camcopsFlowerPassword", "camcopsSecretConfig"]),
    });
  });

  it("counts a group of secrets as encrypted only when all of them are, and settings when any of them is", () => {
    const text = `
config:
  slipway:camcopsSecretConfig: { site: { EMAIL_HOST_PASSWORD: { secure: v1:def }, SMS: plain } }
  slipway:camcops: { config: { site: { EMAIL_HOST_PASSWORD: { secure: v1:def } } } }
`;
    assert.deepEqual(readStackFile("dev", text).encrypted, new Set(["camcops"]));
  });

  it("reads a file without configuration", () => {
    assert.deepEqual(readStackFile("dev", ""), { stack: "dev", values: {}, encrypted: new Set() });
  });
});
