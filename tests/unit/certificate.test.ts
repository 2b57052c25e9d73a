import assert from "node:assert/strict";
import { CertificateAuthority } from "../../components/certificate-authority.ts";
import { Certificate, type CertificateArgs } from "../../components/certificate.ts";
import { record } from "../mocks.ts";
import { certificatePem, generatedKey, providerOutputs, signedPem } from "../provider-outputs.ts";
import { described } from "../recorded.ts";

async function recordCertificate(args: CertificateArgs) {
  return described(await record(() => new Certificate("shop", args), { outputs: providerOutputs }));
}

const complete: CertificateArgs = {
  subject: { country: "GB", stateOrProvince: "Cambridgeshire", locality: "Cambridge", organization: "University" },
  dnsNames: ["shop.example.org", "localhost"],
  ipAddresses: ["127.0.0.1", "::1"],
  validityDays: 10,
  earlyRenewalDays: 2,
};

const subject = {
  commonName: "shop.example.org",
  country: "GB",
  province: "Cambridgeshire",
  locality: "Cambridge",
  organization: "University",
};

const secretOutputs = ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];

describe("Certificate", () => {
  it("is a key and a certificate that the key signed; all forms of the key are secret", async () => {
    assert.deepEqual(await recordCertificate(complete), [
      {
        type: "slipway:index:Certificate",
        name: "shop",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { certificatePem: certificatePem(subject), privateKeyPem: { secret: generatedKey("shop-key") } },
      },
      {
        type: "tls:index/selfSignedCert:SelfSignedCert",
        name: "shop-certificate",
        parent: "shop",
        inputs: {
          privateKeyPem: { secret: generatedKey("shop-key") },
          subject,
          dnsNames: ["shop.example.org", "localhost"],
          ipAddresses: ["127.0.0.1", "::1"],
          validityPeriodHours: 240,
          earlyRenewalHours: 48,
          allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
        },
        options: { additionalSecretOutputs: ["privateKeyPem", "privateKeyPemWo"], dependsOn: ["shop-key"] },
      },
      {
        type: "tls:index/privateKey:PrivateKey",
        name: "shop-key",
        parent: "shop",
        inputs: { algorithm: "ECDSA", ecdsaCurve: "P256" },
        options: { additionalSecretOutputs: secretOutputs },
      },
    ]);
  });

  it("has in its subject only what was said", async () => {
    const [, certificate] = await recordCertificate({ ...complete, subject: {}, dnsNames: [] });
    assert.deepEqual(certificate?.inputs["subject"], {});
  });

  it("keeps its key when it is renewed with other names or another term", async () => {
    const [, , before] = await recordCertificate(complete);
    const [, , after] = await recordCertificate({ ...complete, dnsNames: ["other.example.org"], validityDays: 20 });
    assert.deepEqual(after, before);
  });

  it("is signed by an authority instead, where there is one, and trusts its protected key", async () => {
    const recorded = described(
      await record(
        () => {
          const authority = new CertificateAuthority("ca", { commonName: "Shop CA" });
          return new Certificate("shop", { ...complete, authority });
        },
        { outputs: providerOutputs },
      ),
    );
    const caSubject = { commonName: "Shop CA" };
    const inputs = Object.fromEntries(recorded.map(({ name, inputs, options }) => [name, { inputs, options }]));
    assert.deepEqual(Object.keys(inputs).sort(), [
      "ca",
      "ca-certificate",
      "ca-key",
      "shop",
      "shop-key",
      "shop-request",
      "shop-signed",
    ]);
    assert.equal(inputs["ca-key"]?.options["protect"], true);
    assert.deepEqual(inputs["ca-certificate"]?.inputs, {
      privateKeyPem: { secret: generatedKey("ca-key") },
      isCaCertificate: true,
      setSubjectKeyId: true,
      subject: caSubject,
      validityPeriodHours: 87600,
      earlyRenewalHours: 8760,
      allowedUses: ["cert_signing", "crl_signing"],
    });
    assert.deepEqual(inputs["shop-request"]?.inputs, {
      privateKeyPem: { secret: generatedKey("shop-key") },
      subject,
      dnsNames: ["shop.example.org", "localhost"],
      ipAddresses: ["127.0.0.1", "::1"],
    });
    assert.deepEqual(inputs["shop-signed"]?.inputs, {
      certRequestPem: "request of shop-request",
      caCertPem: certificatePem(caSubject),
      caPrivateKeyPem: { secret: generatedKey("ca-key") },
      validityPeriodHours: 240,
      earlyRenewalHours: 48,
      allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
    });
    const shop = recorded.find(({ name }) => name === "shop");
    assert.deepEqual(shop?.outputs, {
      certificatePem: signedPem("request of shop-request"),
      privateKeyPem: { secret: generatedKey("shop-key") },
    });
  });
});
