// What gltf-validator and three.js make of a GLB and of BVH files; see scripts/test-exports.
// node check_in_node.mjs FOLDER EXPECTED.json
import fs from "node:fs";
import * as THREE from "three";
import { BVHLoader } from "three/examples/jsm/loaders/BVHLoader.js";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import validator from "gltf-validator";

const LARGEST_MM = 0.5;
const [folder, expectedFile] = process.argv.slice(2);
const { people } = JSON.parse(fs.readFileSync(expectedFile));
const prefixOf = ({ id }) => (people.length > 1 ? `person_${id}_` : "");
let failed = false;

function tell(name, compared, worst) {
  console.log(`three.js r${THREE.REVISION}: ${name}: ${compared} joints, largest error ${worst.toFixed(4)} mm`);
  failed ||= !compared || !(worst <= LARGEST_MM);
}

function compare(root, clip, bones, person, prefix, times, metre) {
  const mixer = new THREE.AnimationMixer(root);
  const action = mixer.clipAction(clip);
  action.setLoop(THREE.LoopOnce);
  action.clampWhenFinished = true;
  action.play();
  const found = new THREE.Vector3();
  let worst = 0;
  times.forEach((time, frame) => {
    action.reset();
    mixer.setTime(time);
    root.updateMatrixWorld(true);
    person.joints.forEach((joint, j) => {
      bones.get(prefix + joint).getWorldPosition(found).divideScalar(metre);
      worst = Math.max(worst, 1000 * found.distanceTo(new THREE.Vector3(...person.places[frame][j])));
    });
  });
  return [times.length * person.joints.length, worst];
}

const content = fs.readFileSync(`${folder}/people.glb`);
const bytes = new Uint8Array(content);
const { issues } = await validator.validateBytes(bytes);
console.log(`gltf-validator ${validator.version()}: ${issues.numErrors} errors, ${issues.numWarnings} warnings`);
for (const message of issues.messages) console.log(`  ${message.pointer}: ${message.message}`);
failed ||= issues.numErrors > 0 || issues.numWarnings > 0;

globalThis.self = globalThis; // what the loader expects of a browser
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const gltf = await new GLTFLoader().parseAsync(buffer, "");
const bones = new Map();
gltf.scene.traverse((node) => node.isBone && bones.set(node.name, node));
for (const person of people) {
  const found = compare(gltf.scene, gltf.animations[0], bones, person, prefixOf(person), person.times_s, 1);
  tell(`people.glb, person ${person.id}`, ...found);
  const { skeleton, clip } = new BVHLoader().parse(fs.readFileSync(`${folder}/person_${person.id}.bvh`, "utf8"));
  const named = new Map(skeleton.bones.map((bone) => [bone.name, bone]));
  const step = clip.duration / (person.times_s.length - 1);
  const times = person.times_s.map((_, frame) => frame * step);
  tell(`person_${person.id}.bvh`, ...compare(skeleton.bones[0], clip, named, person, "", times, 100));
}
process.exit(failed ? 1 : 0);
