// Reads a JSON list of custom resources and compares each with its schema; names the first that is wrong and ends with 1.
import {readFileSync} from 'node:fs';
import {ScaledObject} from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import {PrometheusRule} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import {ServiceMonitor} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';

const KINDS = {PrometheusRule, ScaledObject, ServiceMonitor};

for (const resource of JSON.parse(readFileSync(0, 'utf-8'))) {
    try {
        new KINDS[resource.kind](resource).validate();
    } catch (error) {
        console.error(`${resource.kind}: ${error.message}`);
        process.exitCode = 1;
    }
}
