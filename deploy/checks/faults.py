"""One-line faults planted into good manifests: whoever is to find faults has to find these."""

import re
from dataclasses import dataclass

from deploy.checks.running import CheckFailed


@dataclass(frozen=True, slots=True)
class Fault:
    """A change of one line in the manifests of one kind."""

    name: str
    kind: str
    line: str
    becomes: str

    def planted(self, manifests: list[str]) -> str:
        """The first manifest of the kind, with the fault. Raises CheckFailed when it has no such line."""
        for text in manifests:
            if re.search(rf"^kind: {self.kind}$", text, re.MULTILINE) and self.line in text:
                return text.replace(self.line, self.becomes, 1)
        raise CheckFailed(f"{self.name}: no {self.kind} has the line {self.line}")


FAULTS = [
    Fault("an enum that is not one", "StatefulSet", "podManagementPolicy: Parallel", "podManagementPolicy: Paralel"),
    Fault(
        "a field that nobody knows", "StatefulSet", "terminationGracePeriodSeconds: 60", "terminationGracePeriod: 60"
    ),
    Fault("a field of the pod that is not there", "StatefulSet", "fieldPath: metadata.name", "fieldPath: metadata.nam"),
    Fault("a volume that nobody declared", "StatefulSet", "{name: tmp, mountPath", "{name: temp, mountPath"),
    Fault("two mounts at one place", "StatefulSet", "mountPath: /tmp}", "mountPath: /etc/millrace}"),
    Fault("requests above limits", "StatefulSet", "memory: 4Gi", "memory: 1Gi"),
    Fault("a resource of no kind", "StatefulSet", "ephemeral-storage: 1Gi", "ephemeral-memory: 1Gi"),
    Fault("a name of a port that is too long", "StatefulSet", "{name: metrics, c", "{name: metrics-of-workers, c"),
    Fault("a probe of no port", "StatefulSet", "{path: /readyz, port: metrics}", "{path: /readyz, port: -1}"),
    Fault("a probe that may fail less than never", "StatefulSet", "failureThreshold: 60", "failureThreshold: -1"),
    Fault("labels that no selector finds", "StatefulSet", "worker\n  template:", "other\n  template:"),
    Fault("a user who may be root", "StatefulSet", "runAsNonRoot: true", "runAsNonRoot: false"),
    Fault("rights that grow", "StatefulSet", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
    Fault("rights that stay", "StatefulSet", "drop:", "add:"),
    Fault("no seccomp", "StatefulSet", "type: RuntimeDefault", "type: Unconfined"),
    Fault("a spread that is no choice", "StatefulSet", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: Maybe"),
    Fault("both bounds at once", "PodDisruptionBudget", "maxUnavailable: 1", "maxUnavailable: 1\n  minAvailable: 1"),
    Fault("a mode of access that is not one", "PersistentVolumeClaim", "ReadWriteMany", "ReadWriteAll"),
    Fault("a protocol that is not one", "NetworkPolicy", "protocol: UDP", "protocol: UPD"),
    Fault("an address that is not one", "Service", "clusterIP: None", "clusterIP: Nowhere"),
    Fault("a job that always begins again", "Job", "restartPolicy: OnFailure", "restartPolicy: Always"),
    Fault("a schedule that is not one", "CronJob", 'schedule: "17 3 * * *"', 'schedule: "17 3 * *"'),
    Fault("a key of a ScaledObject that nobody knows", "ScaledObject", "pollingInterval:", "polingInterval:"),
    Fault("a duration that is not one", "PodMonitor", "interval: 15s", "interval: 15"),
    Fault("a share that is none", "Deployment", "maxUnavailable: 0", "maxUnavailable: none"),
    Fault("neither more pods nor fewer", "Deployment", "maxSurge: 25%", "maxSurge: 0"),
    Fault("a wait of no kind", "Deployment", "exec: {command", "execute: {command"),
    Fault("a port that no path leads to", "Ingress", "port: {name: http}", "port: {}"),
    Fault("a kind of path that is not one", "Ingress", "pathType: Prefix", "pathType: Start"),
    Fault("fewer pods at most than at least", "HorizontalPodAutoscaler", "maxReplicas: 12", "maxReplicas: 2"),
    Fault("a measure that is not one", "HorizontalPodAutoscaler", "type: Utilization", "type: Usage"),
]
