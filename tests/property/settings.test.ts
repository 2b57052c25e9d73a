import assert from "node:assert/strict";
import fc from "fast-check";

import { environmentNames } from "../../settings/environment.ts";
import { parseStack } from "../../settings/parse.ts";
import { type Problem, SettingsError } from "../../settings/problems.ts";
import type { StackSettings } from "../../settings/stack.ts";

const secretKeys = ["camcopsSuperuserPassword", "camcopsMysqlUserPassword", "camcopsSecretConfig"];

function parsed(values: Record<string, unknown>, encrypted: string[] = secretKeys): StackSettings | readonly Problem[] {
  try {
    return parseStack({ stack: "dev", values, encrypted: new Set(encrypted) });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

const port = fc.integer({ min: 1, max: 65535 });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,9}$/);
const path = fc.stringMatching(/^(?:\/[a-z][a-z0-9 ._-]{0,9}){1,4}\/{0,2}$/);

/** CamCOPS's settings as a user may write them. The ports are set, as defaults could coincide with them. */
const camcops = fc
  .record(
    {
      ports: fc.uniqueArray(port, { minLength: 3, maxLength: 3 }),
      name,
      configDirectory: path,
      userId: fc.integer({ min: 1, max: 65535 }),
      groupId: fc.integer({ min: 1, max: 65535 }),
      https: fc.boolean(),
      hostAddress: fc.constantFrom("0.0.0.0", "127.0.0.1", "::1", "192.0.2.7"),
      certificate: fc.record(
        {
          kind: fc.constant("self-signed"),
          country: fc.stringMatching(/^[A-Z]{2}$/),
          organization: fc.string({ minLength: 1, maxLength: 64 }),
          dnsNames: fc.array(fc.domain(), { minLength: 1, maxLength: 3 }),
          validityDays: fc.integer({ min: 31, max: 825 }),
        },
        { requiredKeys: ["kind"] },
      ),
      workers: fc.record({ replicas: fc.integer({ min: 1, max: 32 }) }, { requiredKeys: [] }),
      services: fc.record({ mysql: fc.record({ memory: fc.integer({ min: 64, max: 4096 }) }) }),
      config: fc.record({ site: fc.record({ LANGUAGE: fc.constantFrom("da_DK", "en_GB"), MFA_TIMEOUT_S: fc.nat() }) }),
    },
    { requiredKeys: ["ports"] },
  )
  .map(({ ports: [hostPort, mysql, flower], ...settings }) => ({
    ...settings,
    hostPort,
    mysql: { hostPort: mysql },
    flower: { hostPort: flower },
  }));

/** Faults that do not touch each other: a part of CamCOPS's settings, and the key of the problem that comes of it. */
const faults: { key: string; apply: (settings: Record<string, unknown>) => void }[] = [
  { key: "camcops.hostPrt", apply: (settings) => (settings["hostPrt"] = 1) },
  { key: "camcops.userId", apply: (settings) => (settings["userId"] = 0) },
  { key: "camcops.https", apply: (settings) => (settings["https"] = "yes") },
  { key: "camcops.internalPort", apply: (settings) => (settings["internalPort"] = 65536) },
  { key: "camcops.configDirectory", apply: (settings) => (settings["configDirectory"] = "relative/folder") },
  {
    key: "camcops.certificate.country",
    apply: (settings) => (settings["certificate"] = { kind: "self-signed", country: "GBR" }),
  },
  { key: "camcops.images.camcops", apply: (settings) => (settings["images"] = { camcops: "camcops:latest" }) },
  { key: "camcops.timeZone", apply: (settings) => (settings["timeZone"] = "Nowhere/Land") },
  { key: "camcops.logs", apply: (settings) => (settings["logs"] = []) },
  { key: "camcops.services.mysql.memory", apply: (settings) => (settings["services"] = { mysql: { memory: 1 } }) },
  { key: "camcops.config.server.PORT", apply: (settings) => (settings["config"] = { server: { PORT: 1 } }) },
  {
    key: "camcops.mysql.server",
    apply: (settings) => (settings["mysql"] = { hostPort: 65534, server: "db.example.org" }),
  },
  {
    key: "camcops.flower.hostPort",
    apply: (settings) => (settings["flower"] = { hostPort: settings["hostPort"], hostAddress: "0.0.0.0" }),
  },
];

describe("settings, whatever is in them", function () {
  this.timeout("30s");

  it("are either parsed or refused with problems that name key and remedy", () => {
    const anything = fc.dictionary(
      fc.oneof(fc.constantFrom("camcops", "environment", "host", "imageRevision", ...secretKeys), fc.string()),
      fc.oneof(fc.anything(), fc.json(), fc.dictionary(fc.string(), fc.anything())),
    );
    fc.assert(
      fc.property(anything, fc.subarray(["camcops", "host", ...secretKeys]), (values, encrypted) => {
        const outcome = parsed(values, encrypted);
        if (!Array.isArray(outcome)) return;
        assert.ok(outcome.length > 0);
        for (const { key, message, received, remedy } of outcome as Problem[]) {
          assert.ok(key !== "" && message !== "" && received !== "" && remedy.length > 0);
        }
      }),
    );
  });

  it("with anything in a known place are parsed or refused, too", () => {
    const places = [
      "mysql",
      "flower",
      "certificate",
      "images",
      "services",
      "config",
      "logs",
      "hostPort",
      "configDirectory",
    ];
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...places), fc.anything()),
        fc.constantFrom(...environmentNames),
        (broken, environment) => {
          parsed({ camcops: broken, environment });
        },
      ),
    );
  });

  it("are complete after one parse: another one changes nothing", () => {
    fc.assert(
      fc.property(camcops, (settings) => {
        const first = parsed({ camcops: settings });
        assert.ok(!Array.isArray(first), JSON.stringify(first));
        assert.deepEqual(parsed({ ...(first as StackSettings) }), first);
      }),
    );
  });

  it("survive the way through JSON, in which Pulumi hands them over", () => {
    fc.assert(
      fc.property(camcops, (settings) => {
        assert.deepEqual(parsed({ camcops: JSON.stringify(settings) }), parsed({ camcops: settings }));
      }),
    );
  });

  it("keep what the user says", () => {
    fc.assert(
      fc.property(camcops, ({ configDirectory, ...settings }) => {
        const outcome = parsed({
          camcops: { ...settings, ...(configDirectory && { configDirectory }) },
        }) as StackSettings;
        assert.partialDeepStrictEqual(outcome.camcops, settings);
        assert.equal(outcome.camcops?.configDirectory, configDirectory?.replace(/\/+$/, ""));
      }),
    );
  });

  it("with several independent faults are refused for exactly these, all at once", () => {
    fc.assert(
      fc.property(fc.subarray(faults), (injected) => {
        const settings: Record<string, unknown> = { hostPort: 65000 };
        for (const { apply } of injected) apply(settings);
        const outcome = parsed({ camcops: settings });
        const keys = Array.isArray(outcome) ? (outcome as Problem[]).map(({ key }) => key) : [];
        assert.deepEqual(keys.sort(), injected.map(({ key }) => key).sort());
      }),
    );
  });

  it("never show a secret in what is said about them", () => {
    const marked = fc.string({ minLength: 1 }).map((text) => `§${text}§`);
    fc.assert(
      fc.property(marked, fc.constantFrom(...secretKeys), fc.boolean(), (value, key, isEncrypted) => {
        const given =
          key === "camcopsSecretConfig"
            ? { site: { EMAIL_HOST_PASSWORD: value, DB_URL: value }, bad: value }
            : `${value}\n`;
        const outcome = parsed(
          { camcops: { config: { site: { EMAIL_HOST_PASSWORD: value } } }, [key]: given },
          isEncrypted ? [key] : [],
        );
        assert.ok(Array.isArray(outcome));
        assert.ok(!JSON.stringify(outcome).includes("§"));
      }),
    );
  });
});
