import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { pipeProcess } from "../../cli/docker/docker-pipe.ts";

describe("a process that is joined by pipes", () => {
  it("loses nothing of what it wrote when it ends before anybody reads", async () => {
    const { stdout, ended } = pipeProcess("sh", ["-c", "echo words"], "A tool");
    await ended;
    assert.equal(await text(stdout), "words\n");
  });

  it("waits for whoever reads slowly, and is ended all the same", async () => {
    const { stdout, ended, kill } = pipeProcess("cat", ["/dev/zero"], "A tool");
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(stdout.readableLength <= 1024 ** 2);
    kill();
    await assert.rejects(ended, /SIGKILL/);
  });

  it("ends when nobody wants to read on", async () => {
    const { stdout, ended } = pipeProcess("cat", ["/dev/zero"], "A tool");
    stdout.destroy();
    await assert.rejects(ended, /A tool failed/);
  });
});
