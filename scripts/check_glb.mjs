// What gltf-validator and three.js make of a GLB; see scripts/test-exports.
import fs from "node:fs";
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import validator from "gltf-validator";

const LARGEST_MM = 0.5;
const [glbFile, expectedFile] = process.argv.slice(2);
const content = fs.readFileSync(glbFile);
const bytes = new Uint8Array(content);

const { issues } = await validator.validateBytes(bytes);
console.log(`gltf-validator ${validator.version()}: ${issues.numErrors} errors, ${issues.numWarnings} warnings`);
for (const message of issues.messages) console.log(`  ${message.pointer}: ${message.message}`);

globalThis.self = globalThis; // what the loader expects of a browser
const gltf = await new GLTFLoader().parseAsync(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), "");
const bones = new Map();
gltf.scene.traverse((node) => node.isBone && bones.set(node.name, node));
const mixer = new THREE.AnimationMixer(gltf.scene);
const action = mixer.clipAction(gltf.animations[0]);
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
action.play();

const found = new THREE.Vector3();
let worst = 0;
let compared = 0;
for (const { joints, times_s: times, places } of JSON.parse(fs.readFileSync(expectedFile))) {
  times.forEach((time, frame) => {
    action.reset();
    mixer.setTime(time);
    gltf.scene.updateMatrixWorld(true);
    joints.forEach((joint, j) => {
      bones.get(joint).getWorldPosition(found);
      worst = Math.max(worst, 1000 * found.distanceTo(new THREE.Vector3(...places[frame][j])));
      compared += 1;
    });
  });
}
console.log(`three.js r${THREE.REVISION}: ${compared} joints, largest error ${worst.toFixed(4)} mm`);
const failed = issues.numErrors || issues.numWarnings || !compared || !(worst <= LARGEST_MM);
process.exit(failed ? 1 : 0);
