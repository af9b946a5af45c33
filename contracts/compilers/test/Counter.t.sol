// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ZamaConfig} from "@fhevm/solidity/config/ZamaConfig.sol";
import {CoprocessorConfig, FHE, euint32, externalEuint32} from "@fhevm/solidity/lib/FHE.sol";
import {Counter} from "../src/Counter.sol";

interface Cheats {
    function mockCall(address where, bytes calldata data, bytes calldata answer) external;
    function expectCall(address where, bytes calldata data) external;
    function load(address where, bytes32 slot) external view returns (bytes32);
    function etch(address where, bytes calldata code) external;
}

/// @title What a Foundry test sees of a confidential contract: which calls it makes
contract CounterTest {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev ERC-7201 location of the configuration.
    bytes32 private constant CONFIG = 0x9e7b61f58c47dc699ac88507c4f5bb9f121c03808c5676a8078fe583e4649700;

    function testConfiguration() external {
        Counter counter = new Counter();
        CoprocessorConfig memory config = ZamaConfig.getEthereumCoprocessorConfig();
        require(vm.load(address(counter), CONFIG) == bytes32(uint256(uint160(config.ACLAddress))), "no ACL");
        require(!FHE.isInitialized(counter.count()), "a counter begins uninitialised");
    }

    function testIncrementOrdersASum() external {
        Counter counter = new Counter();
        CoprocessorConfig memory config = ZamaConfig.getEthereumCoprocessorConfig();
        vm.etch(config.CoprocessorAddress, hex"00");
        vm.etch(config.ACLAddress, hex"00");
        vm.mockCall(config.CoprocessorAddress, abi.encodeWithSignature("trivialEncrypt(uint256,uint8)", 0, 4), abi.encode(1));
        bytes memory input = abi.encodeWithSignature("verifyInput(bytes32,address,bytes,uint8)", 2, address(this), hex"aa", 4);
        vm.mockCall(config.CoprocessorAddress, input, abi.encode(2));
        bytes memory sum = abi.encodeWithSignature("fheAdd(bytes32,bytes32,bytes1)", 1, 2, bytes1(0));
        vm.mockCall(config.CoprocessorAddress, sum, abi.encode(3));
        vm.mockCall(config.ACLAddress, abi.encodeWithSignature("allow(bytes32,address)"), "");
        vm.expectCall(config.CoprocessorAddress, sum);
        counter.increment(externalEuint32.wrap(bytes32(uint256(2))), hex"aa");
        require(euint32.unwrap(counter.count()) == bytes32(uint256(3)), "the sum is not kept");
    }
}
