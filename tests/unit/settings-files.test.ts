import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { configFileFindings } from "../../settings/camcops/config-files.ts";
import { camcopsSettings } from "../../settings/camcops/settings.ts";
import { camcopsSystem } from "../../settings/camcops/system.ts";
import { siteKeys, type ConfigSections } from "../../settings/camcops/config-keys.ts";
import { matches, type MountedFolder } from "../../settings/mounted-file.ts";
import { issue } from "../certificates.ts";

/** A user who owns none of the files of the tests. */
const stranger = { userId: 54_321, groupId: 54_322 };

describe("the files that CamCOPS's settings name", () => {
  let folder: string;
  let mounted: MountedFolder;

  const write = async (path: string, mode = 0o644) => {
    await writeFile(join(folder, path), "x");
    await chmod(join(folder, path), mode);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-files-"));
    await chmod(folder, 0o755);
    mounted = { host: folder, container: "/camcops/cfg", ...stranger };
    for (const [name, mode] of [
      ["strings", 0o755],
      ["closed", 0o700],
    ] as const) {
      await mkdir(join(folder, name));
      await chmod(join(folder, name), mode);
    }
    await write("logo.png");
    await write("run.sh", 0o755);
    await write("private.xml", 0o600);
    await write("strings/a.xml");
    await write("strings/b.xml");
    await write("strings/.hidden.xml");
    await write("closed/c.xml");
    await symlink("logo.png", join(folder, "link.png"));
    await symlink("strings/../logo.png", join(folder, "roundabout.png"));
    await symlink("/camcops/cfg/logo.png", join(folder, "inside.png"));
    await symlink(join(folder, "logo.png"), join(folder, "hosts.png"));
    await symlink("../outside.png", join(folder, "above.png"));
    await symlink("loop.png", join(folder, "loop.png"));
    await symlink("strings", join(folder, "other"));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  const find = async (config: ConfigSections) => {
    const { findings, warnings } = await configFileFindings(config, mounted);
    const shown = (text: string) => text.replaceAll(folder, "HOST");
    return [
      ...findings.map(({ key, message, remedy }) => {
        const [step] = remedy;
        assert.ok(step !== undefined && "advice" in step, "has no advice");
        return `${key}: ${shown(message)} | ${shown(step.advice)}`;
      }),
      ...warnings.map((warning) => `warning: ${shown(warning)}`),
    ];
  };

  const logo = "camcops.config.site.LOCAL_LOGO_FILE_ABSOLUTE";
  const outside = (link: string, target: string) =>
    `${logo}: must be a file within HOST, but HOST/${link} is a link to ${target}, which the containers do not have | ` +
    `sudo cp --remove-destination "$(readlink -f HOST/${link})" HOST/${link}   # a copy in place of the link`;
  const files: [path: string, expected: string[]][] = [
    ["logo.png", []],
    ["link.png", []],
    ["roundabout.png", []],
    ["inside.png", []],
    ["other/a.xml", []],
    [
      "none.png",
      [
        `${logo}: must be a file of the host at HOST/none.png, which the containers see as /camcops/cfg/none.png, but there is none | ls -l HOST/none.png`,
      ],
    ],
    [
      "strings",
      [
        `${logo}: must be a file, but HOST/strings, which the containers see as /camcops/cfg/strings, is a folder | ls -l HOST/strings`,
      ],
    ],
    ["hosts.png", [outside("hosts.png", "HOST/logo.png")]],
    ["above.png", [outside("above.png", "../outside.png")]],
    ["loop.png", [outside("loop.png", "loop.png")]],
    [
      "private.xml",
      [
        `${logo}: must be readable for user 54321, as whom CamCOPS runs, but HOST/private.xml is not | sudo chown 54321:54322 HOST/private.xml && sudo chmod u+r HOST/private.xml`,
      ],
    ],
    [
      "closed/c.xml",
      [
        `${logo}: must be readable for user 54321, as whom CamCOPS runs, but HOST/closed is not | sudo chown 54321:54322 HOST/closed && sudo chmod u+rx HOST/closed`,
      ],
    ],
  ];
  for (const [path, expected] of files) {
    it(`are ${expected.length === 0 ? "accepted" : "refused"}: ${path}`, async () => {
      const actual = await find({ site: { LOCAL_LOGO_FILE_ABSOLUTE: `/camcops/cfg/${path}` } });
      assert.deepEqual(
        actual,
        expected.map((line) => line.replaceAll("HOST/logo.png,", `HOST/logo.png,`)),
      );
    });
  }

  for (const key of Object.keys(siteKeys).filter((name) => siteKeys[name]?.folders?.includes("/camcops/cfg"))) {
    it(`are those of ${key}`, async () => {
      assert.deepEqual(await find({ site: { [key]: "/camcops/cfg/logo.png" } }), []);
      const [line = ""] = await find({ site: { [key]: "/camcops/cfg/none" } });
      assert.match(line, new RegExp(`^camcops\\.config\\.site\\.${key}: must be a file of the host at HOST/none,`));
    });
  }

  it("are those of an export recipient, and what it runs may be executed", async () => {
    const recipient = (script: string) => ({
      "recipient:a": {
        REDCAP_FIELDMAP_FILENAME: "/camcops/cfg/none.xml",
        FILE_SCRIPT_AFTER_EXPORT: `/camcops/cfg/${script}`,
      },
    });
    const missing =
      'camcops.config["recipient:a"].REDCAP_FIELDMAP_FILENAME: must be a file of the host at HOST/none.xml, which the ' +
      "containers see as /camcops/cfg/none.xml, but there is none | ls -l HOST/none.xml";
    assert.deepEqual(await find(recipient("run.sh")), [missing]);
    assert.deepEqual(await find(recipient("logo.png")), [
      missing,
      'camcops.config["recipient:a"].FILE_SCRIPT_AFTER_EXPORT: must be a program that user 54321, as whom CamCOPS runs, ' +
        "may execute; on the host it is HOST/logo.png | sudo chmod +x HOST/logo.png",
    ]);
  });

  it("may be given by patterns, of which each file is looked at", async () => {
    const strings = (...paths: string[]) => find({ site: { EXTRA_STRING_FILES: paths } });
    assert.deepEqual(await strings("/camcops/cfg/strings/*.xml", "/camcops/venv/lib/python3.*/x/*.xml"), []);
    assert.deepEqual(await strings("/camcops/cfg/strings/*.json", "/camcops/cfg/none/*.xml"), [
      "warning: camcops.config.site.EXTRA_STRING_FILES: /camcops/cfg/strings/*.json matches no file; on the host that is HOST/strings/*.json.",
      "warning: camcops.config.site.EXTRA_STRING_FILES: /camcops/cfg/none/*.xml matches no file; on the host that is HOST/none/*.xml.",
    ]);
    const [line = "", ...more] = await strings("/camcops/cfg/*.xml");
    assert.match(line, /must be readable for user 54321, as whom CamCOPS runs, but HOST\/private\.xml is not/);
    assert.deepEqual(more, []);
  });

  const patterns: [pattern: string, expected: string[]][] = [
    ["*.png", ["above.png", "hosts.png", "inside.png", "link.png", "logo.png", "loop.png", "roundabout.png"]],
    ["l?g[oa].png", ["logo.png"]],
    ["l[!i]*.png", ["logo.png", "loop.png"]],
    ["st*/?.xml", ["strings/a.xml", "strings/b.xml"]],
    ["strings/.*", ["strings/.hidden.xml"]],
    ["strings/[]a].xml", ["strings/a.xml"]],
    ["(*", []],
  ];
  for (const [pattern, expected] of patterns) {
    it(`are found by the pattern ${pattern}`, async () => {
      assert.deepEqual(
        await matches(mounted, `/camcops/cfg/${pattern}`),
        expected.map((path) => `/camcops/cfg/${path}`),
      );
    });
  }

  it("include certificate and key, which the containers' user has to read, whoever else may", async () => {
    const soon = new Date(Date.now() + 90 * 86_400_000);
    const { certificate, privateKey } = issue("camcops.example.org", new Date(0), soon);
    await writeFile(join(folder, "c.crt"), certificate, { mode: 0o644 });
    await writeFile(join(folder, "c.key"), privateKey, { mode: 0o644 });
    const check = async () => {
      const settings = camcopsSettings.parse({
        ...stranger,
        configDirectory: folder,
        certificate: { kind: "files", certificate: "/camcops/cfg/c.crt", privateKey: "/camcops/cfg/c.key" },
      });
      const { findings, warnings } = await camcopsSystem.needs(settings, "prod").checkFiles();
      return [...findings.map(({ key, message }) => `${key}: ${message.replaceAll(folder, "HOST")}`), ...warnings];
    };
    assert.deepEqual(await check(), []);
    await chmod(join(folder, "c.key"), 0o600);
    assert.deepEqual(await check(), [
      "camcops.certificate.privateKey: must be readable for user 54321, as whom CamCOPS runs, but HOST/c.key is not",
    ]);
    await rm(join(folder, "c.crt"));
    await symlink("/etc/letsencrypt/live/camcops/fullchain.pem", join(folder, "c.crt"));
    assert.match(
      (await check()).join("\n"),
      /HOST\/c\.crt is a link to \/etc\/letsencrypt\/.+, which the containers do not/,
    );
  });
});
