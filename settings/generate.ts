import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { settingsReference } from "./reference.ts";
import { stackFileSchema } from "./schema-file.ts";

/** The files that are made from the schemas, by path in the project. A test compares them with what is committed. */
export function generatedFiles(): Record<string, string> {
  return {
    "schemas/stack.schema.json": `${JSON.stringify(stackFileSchema(), null, 2)}\n`,
    "docs/settings.md": settingsReference(),
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedFiles())) {
    const file = join(import.meta.dirname, "..", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`wrote ${path}`);
  }
}
