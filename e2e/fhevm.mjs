// Loads the wasm wallet core and talks to a node's wallet API. Plaintexts and
// keys stay in this process; the node sees ciphertexts and sealed shares only.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import path from "node:path";

/** Loads the core built by `make wasm` from a folder and returns its functions. */
export async function loadCore(folder) {
  await import(pathToFileURL(path.join(folder, "wasm_exec.js")));
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(await readFile(path.join(folder, "fhevm.wasm")), go.importObject);
  go.run(instance);
  return globalThis.fhevm;
}

const origin = "the end-to-end test";

/** A wallet's view of one node. */
export class Network {
  static async connect(core, url) {
    const network = new Network();
    network.core = core;
    network.url = url;
    network.parameters = await network.#json("GET", "/v1/parameters");
    const key = await fetch(`${url}/v1/public-key`);
    network.publicKey = new Uint8Array(await key.arrayBuffer());
    return network;
  }

  /** Encrypts values such as {type: "uint64", value: 5n} for one contract and user. */
  async encrypt(contract, user, values) {
    const { handles, inputProof } = unwrap(this.core.encrypt(JSON.stringify({
      parameters: this.parameters, contract, user,
      values: values.map(({ type, value }) => ({ type, value: value.toString() })),
    }), this.publicKey));
    if (this.parameters.inputs !== "attested") return { handles, inputProof };
    return { handles, inputProof: (await this.#json("POST", "/v1/inputs", { list: inputProof })).inputProof };
  }

  /** Waits until the coprocessor has computed a handle. */
  async ready(handle) {
    const status = await this.#json("GET", `/v1/handles/${handle}?wait=120s`);
    if (status.state !== "ready") throw new Error(`handle ${handle} is ${status.state}: ${status.error ?? ""}`);
    return status;
  }

  /** Re-encrypts handles held by one contract to the signer and returns their clear values. With a delegator, they are that account's. */
  async decrypt(signer, contract, handles, { validFrom, validUntil, delegator, seed } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const { id, typedData, body } = unwrap(this.core.newDecryption(JSON.stringify({
      parameters: this.parameters, origin, user: await signer.getAddress(), delegator, seed,
      contracts: [contract], handles, validFrom: validFrom ?? now - 3600, validUntil: validUntil ?? now + 3600,
    })));
    try {
      const { EIP712Domain, ...types } = typedData.types;
      const signature = await signer.signTypedData(typedData.domain, types, typedData.message);
      const response = await this.#fetch("POST", "/v1/user-decryptions", { ...body, signature });
      for await (const line of lines(response.body)) {
        const { done, values } = unwrap(this.core.addReply(id, line));
        if (done) return values.map(BigInt);
      }
      throw new Error(unwrap(this.core.failure(id)));
    } finally {
      this.core.closeDecryption(id);
    }
  }

  /** A transport key, which a wallet keeps where one permit is to serve several requests. */
  newTransportKey() {
    return unwrap(this.core.newTransportKey());
  }

  /** What a wallet signs so that the holder of a transport key may read its values. */
  permit(publicKey, contract, { validFrom, validUntil }) {
    return unwrap(this.core.newPermit(JSON.stringify({
      parameters: this.parameters, origin, publicKey, contracts: [contract], validFrom, validUntil,
    })));
  }

  /** Opens publicly marked handles and returns the clear values with the proof for the verifier contract. */
  async publicDecrypt(handles) {
    const answer = await this.#json("POST", "/v1/public-decryptions", { handles });
    const { values } = unwrap(this.core.openPublic(JSON.stringify({ parameters: this.parameters, handles, ...answer })));
    return { ...answer, values };
  }

  async #json(method, route, body) {
    return (await this.#fetch(method, route, body)).json();
  }

  async #fetch(method, route, body) {
    const response = await fetch(this.url + route, {
      method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body),
    });
    if (response.ok) return response;
    const { error } = await response.json();
    throw Object.assign(new Error(error.message), { code: error.code });
  }
}

function unwrap(result) {
  if (result instanceof Error) throw result;
  return JSON.parse(result);
}

async function* lines(stream) {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}
