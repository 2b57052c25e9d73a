import assert from "node:assert/strict";
import { withConfig } from "../../cli/moving-in/stack-text.ts";

describe("a stack's file with other values", () => {
  const example = `config:
  slipway:shop:
    # Where it listens.
    hostAddress: 127.0.0.1
    hostPort: 8443
    mail:
      # Who sends it.
      server: smtp.example.org
      port: 2525
`;

  it("shows what is not set with its default where it has one, and else as the example had it", () => {
    const defaults: Record<string, unknown> = { "slipway:shop.hostAddress": "0.0.0.0", "slipway:shop.mail.port": 25 };
    assert.equal(
      withConfig(example, { "slipway:shop": { hostPort: 443 } }, (path) => defaults[path.join(".")]),
      `config:
  slipway:shop:
    # Where it listens.
    # hostAddress: 0.0.0.0
    hostPort: 443
    # mail:
    #   # Who sends it.
    #   server: smtp.example.org
    #   port: 25
`,
    );
  });
});
