import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listMembers } from "../../cli/docker/containers.ts";
import { whyNothing } from "../../cli/docker/deployed.ts";
import { stateFile } from "../../cli/deployment/state.ts";
import { siteOf, type Site } from "../../cli/site.ts";
import { dockerStub } from "../docker-stub.ts";

describe("a stack of which nothing is there", () => {
  const options = { stack: "dev", yes: false };
  let home: string;
  let site: Site;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-deployed-"));
    site = siteOf({ stack: "dev", home });
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  async function why(containers: object[] = []): Promise<string> {
    const stub = await dockerStub({ "GET /containers/json": { body: containers } });
    try {
      return await whyNothing(stub.client, site, options);
    } finally {
      await stub.close();
    }
  }

  function write(file: string, content: object): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(content));
  }

  it("was not deployed yet", async () => {
    assert.equal(await why(), 'Nothing of the stack "dev" is there. To deploy, type: ./slipway up');
  });

  it("is down, with its data kept", async () => {
    const history = join(site.folders.state, ".pulumi", "history", "slipway", "dev", "dev-1.history.json");
    write(history, { kind: "destroy", result: "succeeded", endTime: 1 });
    const volume = { urn: "urn:pulumi:dev::slipway::docker:index/volume:Volume::data", type: "x" };
    write(stateFile(site), { checkpoint: { latest: { resources: [volume] } } });
    assert.equal(
      await why(),
      'The stack "dev" is down, and its data are kept. To bring it back with them, type: ./slipway up',
    );
  });

  it("may have a namesake of another home, which is none of its own", async () => {
    const namesake = {
      Id: "1",
      Labels: { "slipway.stack": "dev", "slipway.state": "other", "slipway.service": "web" },
    };
    assert.match(
      await why([namesake]),
      new RegExp(
        `^Nothing of the stack "dev" is there that was deployed from this home, with its state in ${home}/state\\. ` +
          "There are containers of another home's stack of that name: to work on them, name that home by --home\\.",
      ),
    );
    const stub = await dockerStub({ "GET /containers/json": { body: [namesake] } });
    assert.deepEqual(await listMembers(stub.client, "dev", undefined), []);
    await stub.close();
  });
});
