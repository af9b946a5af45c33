import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

const encrypt = async (model: Contract, user: HardhatEthersSigner, sample: number[]) => {
  const input = fhevm.createEncryptedInput(await model.getAddress(), user.address);
  for (const feature of sample) input.addInt8(feature);
  return input.encrypt();
};

const classify = async (model: Contract, user: HardhatEthersSigner, sample: number[]) => {
  const { handles, inputProof } = await encrypt(model, user, sample);
  await mined(by(user, model).classify(handles, inputProof));
  return Number(await fhevm.userDecryptEuint(FhevmType.euint8, await model.classOf(user), model, user));
};

// What a transaction may take, EIP-7825.
const GAS_LIMIT = 1n << 24n;

const gasOf = async (model: Contract, user: HardhatEthersSigner, features: number) => {
  const { handles, inputProof } = await encrypt(model, user, Array.from({ length: features }, (_, i) => i));
  return by(user, model).classify.estimateGas(handles, inputProof);
};

describe("DecisionTree", () => {
  const nodes = [[0, 5], [1, -10], [2, 100], [2, 0], [0, -7], [1, 50], [1, -50]].map(([feature, threshold]) => ({ feature, threshold }));
  const leaves = [0, 1, 2, 3, 4, 5, 6, 7];
  let alice: HardhatEthersSigner, eve: HardhatEthersSigner;
  let tree: Contract;

  const expected = (sample: number[]) => {
    let i = 0;
    while (i < nodes.length) i = 2 * i + (sample[nodes[i].feature] > nodes[i].threshold ? 2 : 1);
    return leaves[i - nodes.length];
  };

  before(async () => {
    [alice, eve] = await ethers.getSigners();
    tree = await ethers.deployContract("DecisionTree", [nodes, leaves, 3]);
  });

  it("classifies as it does in the clear, at thresholds and extremes too", async () => {
    for (const sample of [[5, -10, 0], [-128, 127, 1], [6, 51, 100]]) {
      expect(await classify(tree, alice, sample), String(sample)).to.equal(expected(sample));
    }
  });

  it("tells the class to its owner only, and takes nobody else's sample", async () => {
    await expect(fhevm.userDecryptEuint(FhevmType.euint8, await tree.classOf(alice), tree, eve)).to.be.rejectedWith(/not authorized/);
    const { handles, inputProof } = await encrypt(tree, alice, [1, 2, 3]);
    await expect(by(eve, tree).classify(handles, inputProof)).to.be.rejectedWith(/bound to user/);
    await expect(tree.classify(handles.slice(1), inputProof)).to.be.revertedWithCustomError(tree, "WrongNumberOfFeatures");
  });

  it("is a complete tree over its features", async () => {
    const factory = await ethers.getContractFactory("DecisionTree");
    for (const [n, l, features] of [[nodes, leaves.slice(1), 3], [nodes.slice(2), leaves.slice(2), 3], [nodes, leaves, 2]] as const) {
      await expect(factory.deploy(n, l, features)).to.be.revertedWithCustomError(factory, "InvalidTree");
    }
  });

  it("is no larger than a transaction can walk", async () => {
    const factory = await ethers.getContractFactory("DecisionTree");
    const grown = (n: number, features: number) => factory.deploy(
      Array.from({ length: n }, (_, i) => ({ feature: i % features, threshold: i % 100 })),
      Array.from({ length: n + 1 }, (_, i) => i), features);
    expect(await gasOf(await grown(63, 32) as Contract, alice, 32)).to.be.below(GAS_LIMIT / 2n);
    for (const [n, features] of [[127, 32], [63, 33]]) {
      await expect(grown(n, features)).to.be.revertedWithCustomError(factory, "InvalidTree");
    }
  });
});

describe("LinearModel", () => {
  const weights = [[10, -20, 3], [-31, 7, 40], [0, 25, -100]];
  const biases = [-300, 1000, 42];
  let alice: HardhatEthersSigner;
  let model: Contract;

  const expected = (sample: number[]) => {
    const scores = weights.map((row, c) => row.reduce((sum, w, i) => sum + w * sample[i], biases[c]));
    return scores.indexOf(Math.max(...scores));
  };

  before(async () => {
    [alice] = await ethers.getSigners();
    model = await ethers.deployContract("LinearModel", [weights, biases]);
  });

  it("classifies as it does in the clear, at the largest scores too", async () => {
    for (const [sample, wanted] of [[[127, -128, 5], 0], [[-128, 127, -128], 2]] as const) {
      expect(expected([...sample])).to.equal(wanted);
      expect(await classify(model, alice, [...sample]), String(sample)).to.equal(wanted);
    }
  });

  it("refuses weights with which a sample could overflow a score", async () => {
    const factory = await ethers.getContractFactory("LinearModel");
    await expect(factory.deploy([[127, 127, 2]], [0])).to.be.revertedWithCustomError(factory, "ModelOverflows").withArgs(0, 32768);
    await expect(factory.deploy([[-128, -127]], [-128])).to.be.revertedWithCustomError(factory, "ModelOverflows");
    await expect(factory.deploy([[1], [1, 2]], [0, 0])).to.be.revertedWithCustomError(factory, "InvalidModel");
  });

  it("is no larger than a transaction can score", async () => {
    const factory = await ethers.getContractFactory("LinearModel");
    const grown = (classes: number, features: number) => factory.deploy(
      Array.from({ length: classes }, () => Array.from({ length: features }, (_, i) => i % 2 ? -5 : 7)), Array(classes).fill(1));
    expect(await gasOf(await grown(16, 16) as Contract, alice, 16)).to.be.below(GAS_LIMIT * 3n / 4n);
    for (const [classes, features] of [[17, 1], [1, 17]]) {
      await expect(grown(classes, features)).to.be.revertedWithCustomError(factory, "InvalidModel");
    }
  });
});
