// Says what a script sees of the network, for the tests of the plugin.
import { ethers, fhevm, network } from "hardhat";

async function main(): Promise<void> {
  const [first] = await ethers.getSigners();
  await (await first.sendTransaction({ to: first.address, value: 1n })).wait();
  const { ACLAddress } = await fhevm.getRelayerMetadata();
  const url = (network.config as { url?: string }).url;
  console.log(
    JSON.stringify({ network: network.name, url, signer: first.address, ACLAddress, block: await ethers.provider.getBlockNumber() }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
