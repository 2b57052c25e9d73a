import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { withConfig } from "../../cli/moving-in/stack-text.ts";
import { checkConfig } from "../../settings/camcops/config-check.ts";
import { listItems } from "../../settings/camcops/config-keys.ts";
import { readConfigFile } from "../../systems/camcops/config-file.ts";
import { importConfig } from "../../systems/camcops/config-import.ts";
import { renderConfig } from "../../systems/camcops/config.ts";
import { installedDatabase } from "../../systems/camcops/installed-database.ts";
import { parseEnvFile } from "../../systems/env-file.ts";
import { importers } from "../../systems/importers.ts";
import { parseVariables } from "../../systems/variables-file.ts";
import { projectRoot } from "../../toolchain/root.js";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(...Array.from("ab %#;=:[]\\\"'\n\t@/$é😀{}()`~&|<>!")) }),
);
const line = fc
  .string({ unit: fc.constantFrom(...Array.from("ab %#;=:[]\\\"'@/$é😀{}()?")), minLength: 1 })
  .map((text) => text.trim())
  .filter((text) => text !== "");

const quotations: Record<string, (text: string) => string> = {
  single: (text) => `'${text.replaceAll("'", `'\\''`)}'`,
  double: (text) => `"${text.replace(/[\\"$`]/g, "\\$&")}"`,
  // A shell takes a backslash and a line's end for nothing, so that a line's end needs quotation marks.
  backslashes: (text) => text.replace(/[^]/gu, (character) => (character === "\n" ? "'\n'" : `\\${character}`)),
};

describe("a settings file", () => {
  for (const [name, quoted] of Object.entries(quotations)) {
    it(`gives every value back that is quoted by ${name}`, () => {
      fc.assert(
        fc.property(fc.array(anyText, { maxLength: 4 }), (values) => {
          // A line's end of Windows becomes that of Unix, as everywhere in the file.
          const kept = values.map((value) => value.replaceAll("\r", ""));
          const text = kept.map((value, index) => `export N${index}=${quoted(value)} # "'\n`).join("");
          const { variables, problems } = parseVariables(text, {});
          assert.deepEqual(problems, []);
          assert.deepEqual(
            variables.map(({ value }) => value),
            kept,
          );
        }),
        { numRuns: 500 },
      );
    });
  }

  it("is read to its end, whatever stands in it", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        parseVariables(text, { HOME: "/home/me" });
      }),
      { numRuns: 2000 },
    );
  });
});

const generated = {
  databaseUrl: "mysql+mysqldb://mysql:3306/camcops",
  brokerUrl: "amqp://rabbitmq:5672/",
  sessionSecret: "s",
  port: 8000,
  external: { scheme: "https" as const, serverName: "localhost", port: 443 },
  workerConcurrency: 2,
  timeZone: "UTC",
  logLevel: "info",
};
const site = fc.record(
  {
    LANGUAGE: line,
    EMAIL_HOST: line,
    EMAIL_PORT: fc.integer(),
    EMAIL_USE_TLS: fc.boolean(),
    RESTRICTED_TASKS: fc.array(line, { minLength: 1 }),
    XTRA: line,
  },
  { requiredKeys: [] },
);

describe("a file of variables for Docker Compose", () => {
  const written: Record<string, (text: string) => string> = {
    single: (text) => `'${text.replaceAll("'", "\\'")}'`,
    double: (text) => `"${text.replace(/[\\"$]/g, "\\$&")}"`,
  };
  for (const [name, quoted] of Object.entries(written)) {
    it(`gives every value back that is quoted by ${name}`, () => {
      fc.assert(
        fc.property(fc.array(anyText, { maxLength: 4 }), (values) => {
          // Within single quotation marks, a backslash before one means it: none stands there, however many did.
          const kept = values.map((value) => value.replaceAll("\r", "").replaceAll(/\\+(?='|$)/g, ""));
          const text = kept.map((value, index) => `N${index}=${quoted(value)} # "'\n`).join("");
          const { variables, problems } = parseEnvFile(text, {});
          assert.deepEqual(problems, []);
          assert.deepEqual(
            variables.map(({ value }) => value),
            kept,
          );
        }),
        { numRuns: 500 },
      );
    });
  }

  it("is read to its end, whatever stands in it, and every importer takes what it says", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.constantFrom(...importers), async (text, { importer }) => {
        const { variables } = importer.parse(text, { HOME: "/home/me" });
        const names = ["POSTGRES_USER", "ALLOWED_HOSTS", "SITE_HUB", "ENVIRONMENT", "ES_JAVA_OPTS", "INSTANCE_ID"];
        await importer.read({
          variables: [...variables, ...names.map((name) => ({ name, value: text, line: 1 }))],
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an existing camcops.conf", () => {
  it("is read as it was written, and taken over without a difference", () => {
    fc.assert(
      fc.property(site, line, (config, EMAIL_HOST_PASSWORD) => {
        const secretConfig = { EMAIL_HOST_PASSWORD };
        const sections = { site: config as Record<string, string> };
        fc.pre(!checkConfig(sections).some(({ kind }) => kind === "error"));
        fc.pre(!checkConfig({ site: secretConfig }).some(({ kind }) => kind === "error"));
        const text = renderConfig({ ...generated, config: sections, secretConfig: { site: secretConfig } });
        const file = readConfigFile(text);
        assert.deepEqual(file.problems, []);
        for (const [key, value] of Object.entries({ ...config, ...secretConfig })) {
          const read = file.sections.get("site")?.get(key) ?? "";
          assert.deepEqual(Array.isArray(value) ? listItems(read) : read, Array.isArray(value) ? value : String(value));
        }
        const imported = importConfig(file, generated);
        assert.deepEqual(imported.differences, []);
        assert.deepEqual(imported.secretConfig, { site: secretConfig });
        assert.equal(
          renderConfig({ ...generated, config: imported.config, secretConfig: imported.secretConfig }),
          text,
        );
      }),
    );
  });

  it("is read to its end, whatever stands in it", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        importConfig(readConfigFile(text), generated);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a database's URL", () => {
  it("gives user and password back, whatever their characters", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(word, word, (userName, password) => {
        const url = `mysql+mysqldb://${encodeURIComponent(userName)}:${encodeURIComponent(password)}@mysql:3306/camcops?charset=utf8`;
        const found = installedDatabase(url);
        assert.equal(found?.userName, userName);
        assert.equal(found.password, password);
      }),
    );
  });
});

describe("a stack's file", () => {
  const example = readFileSync(join(projectRoot, "Pulumi.dev.yaml"), "utf8");
  const scalar = fc.oneof(line, fc.integer(), fc.boolean());
  const settings = fc.record(
    {
      name: line,
      hostPort: fc.integer(),
      userId: fc.integer(),
      certificate: fc.oneof(
        fc.record({ kind: fc.constant("self-signed"), country: line, dnsNames: fc.array(line, { minLength: 1 }) }),
        fc.record({ kind: fc.constant("files"), certificate: line, privateKey: line }),
      ),
      mysql: fc.record({ container: fc.boolean(), server: line, hostPort: fc.integer() }, { requiredKeys: [] }),
      workers: fc.record({ replicas: fc.integer() }, { requiredKeys: [] }),
      images: fc.dictionary(fc.constantFrom("camcops", "mysql"), line),
      config: fc.dictionary(
        line,
        fc.dictionary(line, fc.oneof(scalar, fc.array(line, { minLength: 1 })), { minKeys: 1 }),
      ),
    },
    { requiredKeys: ["name"] },
  );

  it("holds exactly the values that it is given, keeps its other keys, and loses none of its explanations", () => {
    const explanations = (text: string) => text.split("\n").filter((each) => /^ *# [A-Z].*[.:]$/.test(each));
    fc.assert(
      fc.property(settings, line, (camcops, secure) => {
        // withConfig itself fails unless the file then holds the values.
        const text = withConfig(example, { "slipway:camcops": camcops, "slipway:camcopsSessionSecret": { secure } });
        const { config } = parse(text) as { config: Record<string, unknown> };
        assert.equal(config["slipway:environment"], "dev");
        assert.deepEqual(config["slipway:camcopsSessionSecret"], { secure });
        const left = new Set(explanations(text));
        assert.deepEqual(
          explanations(example).filter(
            (each) => !left.has(each) && !left.has(each.trim()) && !text.includes(each.trim()),
          ),
          camcops.certificate?.kind === "files" ? ["      # The subject's parts, all of them optional."] : [],
        );
        assert.equal(withConfig(text, { "slipway:camcops": camcops }), text);
      }),
      { numRuns: 200 },
    );
  });
});
