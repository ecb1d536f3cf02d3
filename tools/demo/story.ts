import type { Stage } from './stage.ts';

const DIFF = 'kubectl gitlab-agent diff -R -f shop/';
const APPLY = 'kubectl apply --server-side --field-manager=gitlab-agent';

/** What the demo shows, from an empty cluster to a typo. */
export async function tell(stage: Stage, group: string): Promise<void> {
  await deploy(stage, group);
  await drift(stage, group);
  await change(stage);
  await both(stage);
  await typo(stage);
}

async function deploy(stage: Stage, group: string): Promise<void> {
  stage.heading('A shop in Git');
  await stage.run('ls shop');
  stage.say(
    'What would an apply do to the cluster as it is? Create all of it. The discount is in the answer, though ' +
      'its kind is defined in the same directory and not served yet.',
  );
  await stage.run(`${DIFF} -o name`, 1);
  stage.say(
    'Plain kubectl applies it, in the name of the field manager that the agent uses. It wants the namespace ' +
      'and the new kind first.',
  );
  await stage.run(`${APPLY} -o name \\\n    -f shop/namespace.yaml -f shop/discount-kind.yaml`);
  await stage.run(`kubectl wait --for=condition=Established \\\n    crd/discounts.${group} > /dev/null`);
  await stage.run(`${APPLY} -R -f shop/ -o name`);
  stage.say('Now the cluster runs what Git says.');
  await stage.run(DIFF);
}

async function drift(stage: Stage, group: string): Promise<void> {
  const kubectl = `kubectl -n ${stage.namespace}`;
  stage.heading('Somebody changes things by hand');
  await stage.run(`${kubectl} scale deployment/cart --replicas=5`);
  await stage.run(`${kubectl} set env deployment/web LOG_LEVEL=debug`);
  await stage.run(
    `${kubectl} patch discounts.${group}/spring \\\n    --type=merge -p '{"spec":{"percent":50}}'`,
  );
  await stage.run(`${kubectl} delete service/cart`);
  stage.say('And two things that Git has no say in: a note, and the replicas that an autoscaler sets.');
  await stage.run(`${kubectl} annotate deployment/cart example.com/on-call=ada`);
  await stage.run(`${kubectl} scale deployment/web --replicas=4`);
  stage.say('The diff shows the first four, and who set the values that differ.');
  await stage.run(DIFF, 1);
}

async function change(stage: Stage): Promise<void> {
  stage.heading('Meanwhile, a commit');
  stage.edit('shop/web.yaml', 'shop/web:1.4.0', 'shop/web:1.5.0');
  stage.edit('shop/settings.yaml', 'timeout: 30s', 'timeout: 10s');
  stage.edit('shop/settings.yaml', 'api-key: ZXhhbXBsZS0x', 'api-key: ZXhhbXBsZS0y');
  stage.edit('shop/cart.yaml', '    example.com/team: checkout\n', '');
  stage.add('shop/budget.yaml', BUDGET.replace('NAMESPACE', stage.namespace));
  await stage.run("git add . && git commit -q -m 'Release 1.5.0'");
  await stage.run('git show --stat=72 --format=%s');
  stage.say(
    'What does it mean? Two revisions are compared without a cluster: this is what a merge request shows. ' +
      'Of the Secret it says that the key changed, and nothing else.',
  );
  await stage.run(`${DIFF} --rev HEAD~1..HEAD`, 1);
}

async function both(stage: Stage): Promise<void> {
  stage.heading('The commit and the drift together');
  stage.say('What would an apply of the new commit do to the cluster as it is now?');
  await stage.run(`${DIFF} -o summary`, 1);
}

async function typo(stage: Stage): Promise<void> {
  stage.heading('A typo');
  stage.edit('shop/cart.yaml', 'replicas: 2', 'replica: 2');
  stage.say(
    'In shop/cart.yaml somebody writes "replica: 2". The API server refuses a field that it does not know, so ' +
      'what would happen cannot be told: that is "unknown", never "no change". It hides nothing else, and the ' +
      'exit code is 2.',
  );
  await stage.run('kubectl gitlab-agent diff -f shop/cart.yaml', 2);
  stage.edit('shop/cart.yaml', 'replica: 2', 'replicas: 2');
}

const BUDGET = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: NAMESPACE
  labels:
    app.kubernetes.io/part-of: shop
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: web
`;
