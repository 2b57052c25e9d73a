import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { certificatesOf, renewalAdvice } from "../../cli/docker/certificates.ts";
import type { ServiceOperations } from "../../components/operations.ts";
import { issue } from "../certificates.ts";
import { member } from "../member.ts";

const day = 24 * 60 * 60 * 1000;
const up = "./slipway up --stack prod";
const now = new Date("2030-06-15T12:00:00Z");
const after = (days: number) => new Date(now.getTime() + days * day);

const renews = "renews itself at the next deployment: ./slipway up --stack prod";
const replace = "put the renewed files in place of the old ones, then type: ./slipway up --stack prod";

describe("a served certificate", () => {
  const cases: [daysLeft: number, renewal: ServiceOperations["certificate"], expected: string | undefined][] = [
    [200, { renewalDays: 30 }, undefined],
    [30, { renewalDays: 30 }, undefined],
    [29.9, { renewalDays: 30 }, renews],
    [29.9, { renewalDays: 10 }, undefined],
    [99, { renewalDays: 100 }, renews],
    [-1, { renewalDays: 30 }, renews],
    [30, {}, undefined],
    [29.9, {}, replace],
    [-1, {}, replace],
    [30, undefined, undefined],
    [29.9, undefined, `one that the stack made ${renews}; one of your own: ${replace}`],
  ];
  for (const [daysLeft, renewal, expected] of cases) {
    const whose = renewal === undefined ? "anybody's" : "renewalDays" in renewal ? "the stack's" : "the user's";
    it(`with ${daysLeft} days left, ${whose} (${renewal?.renewalDays ?? "-"}), has ${expected === undefined ? "no" : "this"} advice`, () => {
      assert.equal(renewalAdvice(after(daysLeft), renewal, up, now), expected);
    });
  }

  it("is asked for at the published ports of running services, but those of databases", async () => {
    const { certificate: cert, privateKey: key } = issue("camcops.test", after(-1), after(12.5));
    let asked = 0;
    const server = createServer({ cert, key }, (socket) => socket.end());
    server.on("connection", () => {
      asked += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port: hostPort } = server.address() as AddressInfo;
    const ports = [{ address: "0.0.0.0", hostPort, containerPort: 8000 }];
    const operations = { version: 1, shell: ["sh"] } as const satisfies ServiceOperations;
    const database = { shell: ["x"], dump: ["x"], load: ["x"] };
    try {
      const found = await certificatesOf(
        [
          member({ name: "proxy", system: "camcops", ports }),
          member({ name: "camcops_server", operations: { ...operations, certificate: {} } }),
          member({ name: "mysql", ports, operations: { ...operations, database } }),
          member({ name: "stopped", ports, state: "exited" }),
          member({ name: "other", system: "coped", ports }),
        ],
        up,
        now,
      );
      const one = { subject: "camcops.test", validTo: "2030-06-28T00:00:00.000Z", daysLeft: 12 };
      assert.deepEqual(found, [
        { service: "proxy", ...one, advice: replace },
        { service: "other", ...one, advice: `one that the stack made ${renews}; one of your own: ${replace}` },
      ]);
      assert.equal(asked, 2);
    } finally {
      server.close();
    }
  });
});
