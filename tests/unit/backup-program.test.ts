import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundledImage, contextHash } from "../../components/build.ts";
import { projectRoot } from "../../toolchain/root.js";

/** What a file of the clone imports when it runs. */
function imports(path: string): string[] {
  const text = readFileSync(join(projectRoot, path), "utf8");
  const statements = text.matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?"([^"]+)";/gm);
  return [...statements].map(([, source = ""]) => source);
}

describe("the program in the image of backups", () => {
  const { program } = bundledImage("backup");

  it("is what its service imports, and nothing else", () => {
    const files = new Set<string>();
    const packages = new Set<string>();
    const follow = (path: string) => {
      if (files.has(path)) return;
      files.add(path);
      for (const source of imports(path)) {
        if (source.startsWith(".")) follow(join(dirname(path), source));
        else if (!source.startsWith("node:")) packages.add(source);
      }
    };
    follow("cli/backup/scheduled/service.ts");
    assert.deepEqual(program?.files, [...files].sort());
    assert.deepEqual([...packages].sort(), ["croner", "tar-stream", "zod"]);
  });

  it("has every package that these need in Node", () => {
    const needed = new Set<string>();
    const follow = (name: string) => {
      if (needed.has(name)) return;
      needed.add(name);
      const file = join(projectRoot, "node_modules", name, "package.json");
      assert.ok(existsSync(file), file);
      const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as { dependencies?: Record<string, string> };
      // These are for the runtime Bare alone.
      for (const each of Object.keys(dependencies)) if (!each.startsWith("bare-")) follow(each);
    };
    follow("croner");
    follow("tar-stream");
    follow("zod");
    assert.deepEqual(program?.modules, [...needed].sort());
  });

  it("is part of what names the image", () => {
    const image = bundledImage("backup");
    const less = { ...image, program: { files: [], modules: [] } };
    assert.notEqual(contextHash(image), contextHash(less));
  });
});
