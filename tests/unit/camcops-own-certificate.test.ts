import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { camcopsSettings } from "../../settings/camcops/settings.ts";
import { ownCertificate } from "../../systems/camcops/own-certificate.ts";
import { issue } from "../certificates.ts";

/** Valid for the address 192.0.2.7 and the names *.example.org and camcops.example.org, until 2126. */
const severalNames = `-----BEGIN CERTIFICATE-----
MIIBszCCAVigAwIBAgIUEGmPksvdIwIokJKy8nYANnchT6cwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHRXhhbXBsZTAgFw0yNjExMjAxMzU1MDhaGA8yMTI2MTAyNzEz
NTUwOFowEjEQMA4GA1UEAwwHRXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABFlFKFWI0pHpQD9csJgs0FEKQzomFKUSB+s4tUo1AnjS/B3FHM9t90e8pDTF
wM5cuwUcuwzdK252TaNsnBlT1IujgYkwgYYwHQYDVR0OBBYEFLxTaSnHhRNgBOwJ
GRZPYk4slYQvMB8GA1UdIwQYMBaAFLxTaSnHhRNgBOwJGRZPYk4slYQvMA8GA1Ud
EwEB/wQFMAMBAf8wMwYDVR0RBCwwKocEwAACB4INKi5leGFtcGxlLm9yZ4ITY2Ft
Y29wcy5leGFtcGxlLm9yZzAKBggqhkjOPQQDAgNJADBGAiEAvCykeMF5KKwQDkiw
UsP0cB1QH2Pvnq8JccQCPevdVocCIQCAphMQQzQeJV6N9563fpZaYcsg31FCF9wI
bW88YRarIQ==
-----END CERTIFICATE-----
`;

const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256;

describe("ownCertificate", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const settings = (changes: object = {}) =>
    camcopsSettings.parse({
      configDirectory: folder,
      certificate: { kind: "files", certificate: "/camcops/cfg/own.crt", privateKey: "/camcops/cfg/own.key" },
      ...changes,
    });

  it("takes the first DNS name that is not a wildcard", () => {
    writeFileSync(join(folder, "own.crt"), severalNames);
    assert.deepEqual(ownCertificate(settings()), {
      serverName: "camcops.example.org",
      pem: severalNames,
      fingerprint: fingerprintOf(severalNames),
    });
  });

  it("takes the common name where the certificate has no other", () => {
    const { certificate } = issue("camcops.test", new Date(2026, 0), new Date(2096, 0));
    writeFileSync(join(folder, "own.crt"), certificate);
    assert.deepEqual(ownCertificate(settings()), {
      serverName: "camcops.test",
      pem: certificate,
      fingerprint: fingerprintOf(certificate),
    });
  });

  it("is silent where there is none to read", () => {
    rmSync(join(folder, "own.crt"), { force: true });
    assert.equal(ownCertificate(settings()), undefined);
    assert.equal(ownCertificate(settings({ certificate: { kind: "self-signed" } })), undefined);
    assert.equal(ownCertificate(settings({ https: false })), undefined);
  });
});
